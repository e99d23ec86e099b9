/** Where and how to open a backend connection. */

/** What makes two connections interchangeable for a client: part of a pool's key. */
export interface CapabilityClass {
  /** Affected rows count matched rows, not changed ones. */
  readonly foundRows: boolean;
  /** Result sets end with an OK packet; no EOF after column definitions. Used only where the server has it (see `deprecateEof` of the connection). */
  readonly deprecateEof: boolean;
  readonly ignoreSpace?: boolean;
  /** `interactive_timeout` instead of `wait_timeout`. */
  readonly interactive?: boolean;
}

export type TlsMode = 'disabled' | 'preferred' | 'required' | 'verify-ca' | 'verify-identity';

export interface BackendTls {
  readonly mode: TlsMode;
  /** PEM. */
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** Name in the certificate, if not the host connected to. */
  readonly serverName?: string;
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
}

export interface ConnectOptions {
  /** The source's name, for messages. */
  readonly source: string;
  /** TCP, unless `socketPath` is given. */
  readonly host?: string;
  readonly port?: number;
  readonly socketPath?: string;
  readonly user: string;
  readonly password: string;
  /** Schema to start in. */
  readonly database?: string;
  /** Collation id of the connection, 1-255. Default 45 (utf8mb4_general_ci). */
  readonly collation?: number;
  readonly class: CapabilityClass;
  readonly tls?: BackendTls;
  /** For connecting, TLS and authentication together. Default 5000. */
  readonly connectTimeoutMs?: number;
  /** caching_sha2_password without TLS: ask the server for its RSA key (open to a man in the middle). Default false. */
  readonly allowPublicKeyRetrieval?: boolean;
  /** caching_sha2_password without TLS: the server's RSA key in PEM, known beforehand. */
  readonly serverPublicKey?: string;
  /**
   * One statement run after connecting and after each reset, before anything else.
   * Default: switches session tracking on (`trackingSql`). An empty string runs none.
   */
  readonly initSql?: string;
  /** Prepared statements kept per connection. Default 256. */
  readonly preparedMax?: number;
  /** Connection attributes shown in performance_schema. */
  readonly attributes?: Readonly<Record<string, string>>;
}

/** Makes OK packets report schema, variable, state and transaction changes. */
export const trackingSql =
  "SET SESSION session_track_system_variables='*', session_track_state_change=ON, session_track_schema=ON, session_track_transaction_info='STATE'";

/** The same on MySQL, which reports the GTID of a write in a block of its own. MariaDB's is the variable last_gtid. */
export const mysqlTrackingSql = `${trackingSql}, session_track_gtids='OWN_GTID'`;
