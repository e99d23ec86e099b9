/** The command byte of a packet decides who answers it. An unknown command is an error and the connection goes on. */
import { MeshError } from '../base/index.ts';
import { resetSessionState } from '../session/index.ts';
import { Command, MalformedPacket, parseQuery } from '../wire/index.ts';
import { runKill } from './kill-statement.ts';
import {
  closeStatement,
  executeStatement,
  fetchRows,
  fieldList,
  prepareStatement,
  resetStatement,
  sendLongData,
} from './prepared-commands.ts';
import { attributeComments, withComments } from './query-attributes.ts';
import { useDatabase } from './run-action.ts';
import { runQuery } from './run-query.ts';
import type { CommandContext } from './session.ts';
import { tell } from './tell-refusal.ts';
import { defaultTracked } from './tracked-changes.ts';

/** One for all commands of a connection. */
export interface CommandOptions {
  capabilities: number;
  multiStatements: boolean;
  /** Starts the dialogue of COM_CHANGE_USER. */
  changeUser(packet: Buffer): void;
}

/**
 * Answers one command: undefined if that is done already. What it throws or rejects with is for `commandFailed`.
 * `payload` includes the command byte.
 */
export function runCommand(
  context: CommandContext,
  payload: Buffer,
  options: CommandOptions,
): Promise<void> | undefined {
  const code = payload[0] ?? -1;
  if (payload.length < (LENGTH_MIN[code] ?? 1)) throw new MalformedPacket(`command ${code} of ${payload.length} bytes`);
  if (code !== Command.QUERY) return answer(context, payload, code, options);
  const { textStart, attributes } = parseQuery(payload, options.capabilities);
  const text = payload.subarray(textStart);
  if (attributes.length === 0) return runQuery(context, text, options.multiStatements);
  return runQuery(context, withComments(text, attributeComments(attributes, payload)), options.multiStatements);
}

/** Tells the client why its command was not carried out. */
export function commandFailed(context: CommandContext, error: unknown): void {
  tell(context, error instanceof MalformedPacket ? new MeshError('ER_MALFORMED_PACKET', {}, { cause: error }) : error);
}

/** Bytes that a command has at least, its own included. */
const LENGTH_MIN: Readonly<Record<number, number>> = {
  [Command.STMT_EXECUTE]: 10,
  [Command.STMT_FETCH]: 9,
  [Command.STMT_SEND_LONG_DATA]: 7,
  [Command.STMT_CLOSE]: 5,
  [Command.STMT_RESET]: 5,
  [Command.PROCESS_KILL]: 5,
  [Command.SET_OPTION]: 3,
};

function answer(
  context: CommandContext,
  payload: Buffer,
  code: number,
  options: CommandOptions,
): Promise<void> | undefined {
  const { reply, session } = context;
  switch (code) {
    case Command.STMT_PREPARE:
      return prepareStatement(context, payload.subarray(1));
    case Command.STMT_EXECUTE:
      return executeStatement(context, payload, options.capabilities);
    case Command.STMT_CLOSE:
      closeStatement(context, payload);
      return undefined;
    case Command.STMT_SEND_LONG_DATA:
      sendLongData(context, payload);
      return undefined;
    case Command.STMT_FETCH:
      fetchRows(context, payload);
      return undefined;
    case Command.STMT_RESET:
      resetStatement(context, payload);
      return undefined;
    case Command.PING:
      reply.done();
      return undefined;
    case Command.INIT_DB:
      useDatabase(context, payload.toString('utf8', 1));
      return undefined;
    case Command.FIELD_LIST:
      return fieldList(context, payload);
    case Command.STATISTICS:
      reply.packet(Buffer.from(`Uptime: ${Math.floor(process.uptime())}  Threads: ${session.share.sessions.size}`));
      return undefined;
    case Command.PROCESS_KILL:
      return runKill(context, 'connection', BigInt(payload.readUInt32LE(1)));
    case Command.RESET_CONNECTION:
      return resetSession(context).then(() => reply.done());
    case Command.CHANGE_USER:
      return resetSession(context).then(() => options.changeUser(payload));
    case Command.SET_OPTION:
      options.multiStatements = payload.readUInt16LE(1) === 0;
      reply.eof();
      return undefined;
    case Command.DEBUG:
    case Command.REFRESH:
    case Command.SHUTDOWN:
      throw new MeshError('ER_SPECIFIC_ACCESS_DENIED_ERROR', { privilege: 'SUPER' });
    default:
      throw new MeshError('ER_UNKNOWN_COM_ERROR');
  }
}

/** COM_RESET_CONNECTION: everything but user and database is as after the login. */
export async function resetSession(context: CommandContext): Promise<void> {
  const { session } = context;
  await session.backend.reset();
  session.prepared.clear();
  session.named.clear();
  session.handlers.clear();
  session.lastPreparedId = 0;
  session.tracked = defaultTracked;
  resetSessionState(session.state);
}
