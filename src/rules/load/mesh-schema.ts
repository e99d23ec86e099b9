/** The shape of shardmesh.yaml: keys, types, descriptions. The JSON Schema and the reference in docs/configuration.md are made from it. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: inline expressions and environment places look like this
import { z } from 'zod';
import { duration, name, oneOrMore, size, text, whole } from './schema-parts.ts';

const address = z.string({ error: 'an address like 127.0.0.1:3307 or unix:/path is expected' });

export const userSchema = z.strictObject({
  user: z
    .string()
    .describe(
      '`name@host` as in MySQL’s accounts: an address, `10.%` with the wildcards `%` and `_`, `10.0.0.0/8`, `10.0.0.0/255.0.0.0` or `localhost` (loopback and unix sockets). Names of hosts are not looked up. Without `@`: every host. The narrowest match counts.',
    ),
  password: text
    .optional()
    .describe(
      'The password; take it from the environment with `${NAME}`. One of `password`, `passwordFile` and `authenticationString` is needed.',
    ),
  passwordFile: z.string().optional().describe('File that holds the password, its last line end left out.'),
  authenticationString: z
    .string()
    .optional()
    .describe(
      'A hash: `*` and 40 hex digits (mysql_native_password), or `$A$005$...` (caching_sha2_password) as MySQL stores it.',
    ),
  databases: z.array(name).default([]).describe('Logical databases that the user may use.'),
  admin: z.boolean().default(false).describe('May use every database and the administrative statements.'),
  require: z
    .enum(['none', 'tls', 'certificate'])
    .default('none')
    .describe(
      'What the user’s connections need: `tls`; or `certificate`, which is TLS with a client certificate that `tls.ca` has signed. Unix sockets count as TLS.',
    ),
  connections: whole(1, 1_000_000)
    .optional()
    .describe(
      'Connections at one time of this account at most, error 1226 beyond; default: no limit but `limits.connections`.',
    ),
  transactionType: z
    .string()
    .optional()
    .describe('`shardmesh_transaction_type` of the user’s sessions; default: what the rules or `transaction` say.'),
});

export const meshSchema = z.strictObject({
  listen: oneOrMore(address)
    .prefault('127.0.0.1:3307')
    .describe(
      'Where clients connect: `host:port` or `unix:/path`, or a list. Environment SHARDMESH_LISTEN, flag --listen.',
    ),
  http: address
    .default('127.0.0.1:16090')
    .describe(
      'Health and metrics: `/startup /liveness /readiness /metrics`; `off` for none. Environment SHARDMESH_HTTP, flag --http.',
    ),
  admin: address
    .default('127.0.0.1:16091')
    .describe(
      'Operator routes; loopback only, always with a token; `off` for none. Environment SHARDMESH_ADMIN, flag --admin.',
    ),
  proxyProtocol: oneOrMore(z.string())
    .optional()
    .describe(
      'Addresses or networks (`10.0.0.0/8`, `fd00::/8`) of proxies. Every connection from there must begin with a PROXY protocol header, version 1 or 2, and counts as coming from the address that it tells. From elsewhere such a header ends the connection.',
    ),
  serverVersion: text
    .optional()
    .describe(
      'What clients see as the server’s version; default: what the backends say. Environment SHARDMESH_SERVER_VERSION.',
    ),
  workers: whole(1, 256)
    .optional()
    .describe(
      'Worker processes, each with an event loop, a plan cache and pools of its own; default 1. Environment SHARDMESH_WORKERS, flag --workers.',
    ),
  watchdog: duration
    .prefault('10s')
    .describe(
      'A worker whose event loop does not answer for so long is ended and started again, its sessions with it; `0s`: never.',
    ),
  tls: z
    .strictObject({
      cert: z.string().describe('File with the certificate chain.'),
      key: z.string().describe('File with its key.'),
      ca: z
        .string()
        .optional()
        .describe(
          'File with the authorities of client certificates. With it clients are asked for one; one that they did not sign ends the connection. Users with `require: certificate` must have one.',
        ),
      require: z.boolean().default(false).describe('Refuse clients without TLS.'),
      minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2').describe('The oldest version allowed.'),
    })
    .optional()
    .describe('TLS for clients.'),
  users: z.array(userSchema).default([]).describe('Who may connect.'),
  databases: z
    .array(z.string())
    .describe('Rules files, one per logical database, relative to this file; `*` and `**` match several.'),
  transaction: z
    .strictObject({
      defaultType: z
        .string()
        .default('XA')
        .describe(
          'How transactions over several shards are kept together: LOCAL (each source commits by itself) or XA (all or nothing).',
        ),
      unsafeReplication: z
        .enum(['refuse', 'warn'])
        .default('refuse')
        .describe('For XA: what to do with groups whose semi-synchronous replication can lose a prepared branch.'),
      keepDecisions: duration
        .prefault('24h')
        .describe(
          'How long XA decisions are kept. A shard that loses its part in a failover within this time gets it back; half of it is also how long a prepared branch without decision is rolled back by itself.',
        ),
      coordinator: z
        .strictObject({
          listen: address
            .default('127.0.0.1:36789')
            .describe(
              'Where services reach it: `host:port` or `unix:/path`. Beyond loopback it needs `tls`, and `tokenFile` or `tls.ca`.',
            ),
          tokenFile: z.string().optional().describe('File with the bearer token that services must send.'),
          tls: z
            .strictObject({
              cert: z.string().describe('File with the certificate chain.'),
              key: z.string().describe('File with its key.'),
              ca: z.string().optional().describe('Only services with a certificate of this authority are heard.'),
            })
            .optional()
            .describe('TLS for services.'),
          branchHosts: z
            .array(z.string())
            .default([])
            .describe(
              'Hosts that branches may have although they lead to loopback, link-local or metadata addresses: `name`, `*.suffix` or an address, each with `:port` if only that port is meant.',
            ),
          store: text
            .optional()
            .describe(
              'Where transactions are kept: `mysql://user:password@host:port/schema`. Default: schema `shardmesh` on the server of the first database’s default source.',
            ),
          barrierUrl: z
            .string()
            .optional()
            .describe(
              'Where the sidecars of called services answer for their barriers, such as `http://{host}:36789`.',
            ),
          keep: duration.prefault('7d').describe('How long ended transactions are kept.'),
        })
        .optional()
        .describe('Transactions across services (docs/services.md); absent: off.'),
    })
    .prefault({})
    .describe('Transactions over several shards.'),
  limits: z
    .strictObject({
      maxAllowedPacket: size.prefault('64MiB').describe('The longest statement or row, in bytes with a unit.'),
      resultMemory: size.prefault('256MiB').describe('What the merge of one statement may hold in memory.'),
      statementTimeout: duration.prefault('0s').describe('Statements that run longer are stopped; `0s`: never.'),
      preparedStatements: whole(1, 1_000_000)
        .default(16_382)
        .describe('Prepared statements of one session at most, as max_prepared_stmt_count; one more is error 1461.'),
      connections: whole(1, 1_000_000).default(10_000).describe('Client connections at most, over all workers.'),
    })
    .prefault({})
    .describe('Limits; everything has one.'),
  replicas: z
    .strictObject({
      consistency: z
        .enum(['eventual', 'session', 'application', 'strict'])
        .default('application')
        .describe(
          'What reads on replicas must not miss, unless a session says otherwise (`SET shardmesh_consistency`); see docs/replicas.md.',
        ),
      positionKey: z
        .string()
        .min(16)
        .optional()
        .describe(
          'Signs what `@@shardmesh_position` shows, at least 16 characters, the same for all sidecars of an installation. Default: derived from the data sources and their passwords.',
        ),
      waitLimit: duration
        .prefault('50ms')
        .describe('How long a read waits on a replica for a write that it must see; then it goes to the primary.'),
      maxLag: duration
        .prefault('10s')
        .describe('Replicas further behind (Seconds_Behind_Source, in whole seconds) serve no reads.'),
      probeInterval: duration
        .prefault('500ms')
        .describe(
          'How often each member of a group with replicas is asked how it is; faster while something is wrong.',
        ),
      slowStart: duration
        .prefault('10s')
        .describe('How long a replica that comes back takes to its full share of reads; `0s`: at once.'),
      zone: name.optional().describe('The zone that the sidecar runs in: replicas of the same `zone` are preferred.'),
      writeBuffer: duration
        .prefault('10s')
        .describe('How long statements wait for a primary while there is none; `0s`: not at all.'),
      writeBufferSize: whole(0, 1_000_000)
        .default(10_000)
        .describe('Statements that wait so at most, per group and worker; more are refused at once.'),
    })
    .prefault({})
    .describe('Groups with replicas: reads, health, failover.'),
  control: z
    .strictObject({
      redis: z
        .string()
        .optional()
        .describe(
          '`redis://host:port/db`. Leases the worker ids of SNOWFLAKE key generators; shared configuration and limits are not built yet.',
        ),
    })
    .optional()
    .describe('The shared store of many sidecars.'),
  log: z
    .strictObject({
      level: z
        .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
        .default('info')
        .describe('Environment SHARDMESH_LOG_LEVEL, flag --log-level.'),
      format: z.enum(['json', 'pretty']).default('json').describe('Environment SHARDMESH_LOG_FORMAT.'),
      slow: duration
        .prefault('1s')
        .describe('Statements that take longer are logged as `query.slow`, without their literals; `0s`: none.'),
      audit: z
        .enum(['off', 'ddl', 'write', 'all'])
        .default('off')
        .describe(
          'Statements that are logged as `audit.statement`, without their literals: changes of the schema, also changes of rows, or all; and logins.',
        ),
    })
    .prefault({})
    .describe('The log, on standard error.'),
});

export type MeshFile = z.output<typeof meshSchema>;
