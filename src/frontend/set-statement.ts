/**
 * SET: what the session itself keeps is read from the statement; everything else is tried on a backend, which checks it and
 * answers MySQL's own error, and is then read back as a literal that can be replayed anywhere.
 */
import { MeshError, unreachable } from '../base/index.ts';
import { readSystemVariables, readUserVariables, runForOk, type StatementRun } from '../execute/index.ts';
import type { Plan } from '../plan/index.ts';
import {
  isMeshVariable,
  type MeshVariableName,
  meshValueOf,
  meshVariables,
  withMeshValue,
  withUserVariables,
  withVariables,
} from '../session/index.ts';
import { type Expression, forEachExpression, type SetItem } from '../sql/index.ts';
import { meshValue } from './mesh-value.ts';
import { ownStatement } from './own-statement.ts';
import { checkClientCharset, unquote } from './plan-environment.ts';
import type { CommandContext } from './session.ts';
import { trackedNames, variableChanges } from './tracked-changes.ts';

type SystemItem = SetItem & { readonly target: Extract<SetItem['target'], { kind: 'system' }> };

/** Variables that the session keeps: they never reach a backend as they are. */
const OWN_VARIABLES: Readonly<Record<string, (context: CommandContext, value: string) => Promise<void> | void>> = {
  autocommit: setAutocommit,
  last_insert_id: (context, value) => {
    context.session.state.lastInsertId = integer('last_insert_id', value);
  },
  identity: (context, value) => {
    context.session.state.lastInsertId = integer('identity', value);
  },
  session_track_system_variables: (context, value) => {
    context.session.tracked = trackedNames(value);
  },
};

/** Session variables whose replay on another connection would not mean the same, or would break the mesh. */
const REFUSED_VARIABLES: Readonly<Record<string, string>> = {
  insert_id: 'it would be used by whichever shard inserts first',
  pseudo_thread_id: 'connections are shared',
  pseudo_slave_mode: 'connections are shared',
  sql_log_bin: 'replicas would miss the write',
  gtid_next: 'connections are shared',
  gtid_domain_id: 'connections are shared',
  gtid_seq_no: 'connections are shared',
  server_id: 'connections are shared',
  completion_type: 'COMMIT is the mesh’s own',
  sql_select_limit: 'it would cut each shard’s rows before they are merged; use LIMIT',
};

const CHARSET_VARIABLES = ['character_set_client', 'character_set_results', 'collation_connection'];

/** Rejects with MeshError or the backend's error; otherwise answers OK. Nothing is changed if any part is refused. */
export async function runSet(context: CommandContext, run: StatementRun, planned: Buffer): Promise<void> {
  const { plan } = run;
  const { statement, text } = ownStatement(context, planned);
  const items = statement.kind === 'set' ? statement.items : [];
  const tried: TriedItem[] = [];
  const own: (() => Promise<void> | void)[] = [];
  const { state } = context.session;
  const before = { settings: state.settings, autocommit: state.autocommit };
  for (const item of items) {
    const { target } = item;
    switch (target.kind) {
      case 'system':
        systemItem(context, item as SystemItem, text, tried, own);
        break;
      case 'user':
      case 'names':
      case 'charset':
        if (target.kind !== 'user' && item.value !== undefined)
          checkClientCharset(wordOf(item.value, text).toLowerCase());
        tried.push(await triedItem(context, item, plan, text, tried));
        break;
      case 'transaction':
        own.push(() => setTransaction(context, target));
        break;
      case 'password':
      case 'role':
      case 'default role':
      case 'resource group':
        throw unsupported(`SET ${target.kind.toUpperCase()}`, 'accounts of the mesh are kept in shardmesh.yaml');
      default:
        unreachable(target);
    }
  }
  // Parameters are counted over the whole text that a backend is given.
  if (plan.parameterCount > 0 && (own.length > 0 || tried.some((item) => item.computed)))
    throw unsupported('SET with parameters for values that the mesh keeps', 'give the values in the text');
  if (tried.length > 0) await tryOnBackend(context, run, tried);
  for (const change of own) await change();
  context.reply.done(variableChanges(before, state, context.session.tracked));
}

function systemItem(
  context: CommandContext,
  item: SystemItem,
  text: Buffer,
  tried: TriedItem[],
  own: (() => Promise<void> | void)[],
): void {
  const { scope } = item.target;
  const name = item.target.name.toLowerCase();
  if (scope === 'global' || scope === 'persist' || scope === 'persist_only') {
    if (name.startsWith('shardmesh_')) throw new MeshError('ER_LOCAL_VARIABLE', { name });
    throw unsupported(
      `SET ${scope.toUpperCase()} ${name}`,
      'it would change one server of many; set it on each server',
    );
  }
  const change = OWN_VARIABLES[name];
  if (change !== undefined) {
    const value = item.isDefault ? '1' : item.value === undefined ? '' : unquote(wordOf(item.value, text));
    own.push(() => change(context, value));
    return;
  }
  if (name.startsWith('shardmesh_')) {
    if (!isMeshVariable(name)) throw new MeshError('ER_UNKNOWN_SYSTEM_VARIABLE', { name });
    const value = item.isDefault || item.value === undefined ? undefined : meshValueOf(name, wordOf(item.value, text));
    if (name === 'shardmesh_position') {
      const { backend } = context.session;
      const handed = backend.reads.open(value ?? '');
      own.push(() => backend.takePosition(handed));
      return;
    }
    own.push(() => setMeshVariable(context, name, value));
    return;
  }
  // Connector/J and DBeaver take it back to "all rows" for each statement.
  if (
    name === 'sql_select_limit' &&
    (item.isDefault || item.value === undefined || isAllRows(wordOf(item.value, text)))
  )
    return;
  const refused = REFUSED_VARIABLES[name];
  if (refused !== undefined) throw unsupported(`SET ${name}`, refused);
  if (name === 'character_set_client' && item.value !== undefined)
    checkClientCharset(unquote(wordOf(item.value, text)).toLowerCase());
  tried.push({ target: item.target, text: text.subarray(item.start, item.end) });
}

/** An item of a SET that a backend checks. */
interface TriedItem {
  readonly target: SetItem['target'];
  /** In the client's own bytes; a value that the mesh has computed is a literal. */
  readonly text: Buffer;
  readonly computed?: boolean;
}

async function triedItem(
  context: CommandContext,
  item: SetItem,
  plan: Plan,
  text: Buffer,
  before: readonly TriedItem[],
): Promise<TriedItem> {
  const { target, value } = item;
  if (value === undefined || !needsMesh(value, plan)) return { target, text: text.subarray(item.start, item.end) };
  if (target.kind !== 'user') throw unsupported('SET of a character set to a subquery', 'give its name');
  // It would have to see what those before it assign.
  if (before.some((other) => other.target.kind === 'user') && text.subarray(value.start, value.end).includes('@'))
    throw unsupported('SET with a subquery behind other assignments', 'use a SET statement of its own');
  const literal = await meshValue(context, text.subarray(value.start, value.end));
  return { target, text: Buffer.from(`@\`${target.name.replaceAll('`', '``')}\`=${literal}`), computed: true };
}

/** Runs the items on a connection that has the session's state, then takes over what they made of it. */
async function tryOnBackend(context: CommandContext, run: StatementRun, items: readonly TriedItem[]): Promise<void> {
  const { session } = context;
  const { backend, state } = session;
  const held = await backend.leases.takeFree(backend.directory.defaultSource);
  try {
    await backend.leases.replayInsertId(held.lease);
    const parts = items.map((item) => item.text);
    const statement = Buffer.concat([
      Buffer.from('SET '),
      ...parts.flatMap((part, index) => (index === 0 ? [part] : [Buffer.from(', '), part])),
    ]);
    if (run.plan.parameterCount === 0) await held.lease.connection.query(statement);
    else
      await runForOk(run, { source: held.source, text: statement, parameters: undefined, nodeTables: [] }, held.lease);
    const variables = new Set<string>();
    const userVariables = new Set<string>();
    for (const { target } of items) {
      if (target.kind === 'user') userVariables.add(target.name.toLowerCase());
      else if (target.kind === 'system' && !/^(character_set|collation)_/i.test(target.name))
        variables.add(target.name.toLowerCase());
      else for (const name of CHARSET_VARIABLES) variables.add(name);
    }
    const changed = await readSystemVariables(held.lease, [...variables]);
    // Whatever expression named it.
    const charset = changed.find(([name]) => name === 'character_set_client')?.[1];
    if (charset !== undefined) checkClientCharset(unquote(charset).toLowerCase());
    const assigned = await readUserVariables(held.lease, [...userVariables]);
    state.settings = withUserVariables(withVariables(state.settings, changed), assigned);
    backend.leases.settingsKnown(held.lease);
  } catch (error) {
    // Some items may have taken effect there before one failed.
    held.destroy();
    throw error;
  }
  await held.done();
}

/** Whether one server alone cannot compute a value: it reads tables, or what only the mesh knows. */
function needsMesh(value: Expression, plan: Plan): boolean {
  if (plan.effects.opaque)
    throw unsupported('SET with a stored function', 'it may read tables of other shards; use SELECT ... INTO');
  let needed = false;
  forEachExpression(value, (expression) => {
    switch (expression.kind) {
      case 'subquery':
      case 'exists':
      case 'inSubquery':
      case 'quantified':
        needed = true;
        break;
      case 'call':
        if (MESH_FUNCTIONS.has(expression.name)) needed = true;
        break;
      default:
    }
  });
  return needed;
}

const MESH_FUNCTIONS = new Set([
  'FOUND_ROWS',
  'ROW_COUNT',
  'CONNECTION_ID',
  'DATABASE',
  'SCHEMA',
  'USER',
  'SESSION_USER',
  'SYSTEM_USER',
  'CURRENT_USER',
]);

async function setAutocommit(context: CommandContext, value: string): Promise<void> {
  const { state, backend } = context.session;
  const on = /^(1|on|true)$/i.test(value);
  if (!on && !/^(0|off|false)$/i.test(value))
    throw new MeshError('ER_WRONG_VALUE_FOR_VAR', { name: 'autocommit', value });
  // Switching it on commits what is open.
  if (on && !state.autocommit && state.inTransaction) await backend.commit();
  state.autocommit = on;
}

/** `value` undefined: the one of the login. */
function setMeshVariable(context: CommandContext, name: MeshVariableName, value: string | undefined): void {
  const { state } = context.session;
  if (meshVariables[name].fixedInTransaction === true && state.inTransaction)
    throw new MeshError('ER_CANT_CHANGE_TX_CHARACTERISTICS');
  state.mesh = withMeshValue(state.mesh, name, value ?? state.loginMesh[name]);
}

function setTransaction(context: CommandContext, target: Extract<SetItem['target'], { kind: 'transaction' }>): void {
  const { state, database } = context.session;
  if (target.scope === 'global') throw unsupported('SET GLOBAL TRANSACTION', 'it would change one server of many');
  if (target.scope === 'next') {
    if (state.inTransaction) throw new MeshError('ER_CANT_CHANGE_TX_CHARACTERISTICS');
    state.transaction = {
      ...state.transaction,
      isolation: target.isolation ?? state.transaction.isolation,
      access: target.access ?? state.transaction.access,
    };
    return;
  }
  const changes: [string, string][] = [];
  const prefix = database.schema().mariadb ? 'tx' : 'transaction';
  if (target.isolation !== undefined)
    changes.push([`${prefix}_isolation`, `'${target.isolation.replaceAll(' ', '-')}'`]);
  if (target.access !== undefined) changes.push([`${prefix}_read_only`, target.access === 'READ ONLY' ? '1' : '0']);
  state.settings = withVariables(state.settings, changes);
}

function integer(name: string, value: string): bigint {
  if (!/^\d+$/.test(value)) throw new MeshError('ER_WRONG_VALUE_FOR_VAR', { name, value });
  return BigInt(value);
}

/** The value of sql_select_limit that limits nothing. */
function isAllRows(value: string): boolean {
  return value === '18446744073709551615' || value.toLowerCase() === 'default';
}

/** The text of a value, without the quotes of a string. */
function wordOf(expression: Expression, text: Buffer): string {
  const raw = text.toString('utf8', expression.start, expression.end);
  const quoted = /^(['"])(.*)\1$/s.exec(raw);
  return quoted === null ? raw : (quoted[2] as string);
}

function unsupported(what: string, reason: string): MeshError {
  return new MeshError('SM_UNSUPPORTED', { what, reason });
}
