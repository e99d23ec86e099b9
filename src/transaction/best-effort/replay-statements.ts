/** Runs the statements of an outbox row once more, and compares what they did with what they did at first. */
import { type BackendConnection, ServerError, SmallResultHandler } from '../../backend/index.ts';
import { freshSettings, settingsReplay } from '../../session/index.ts';
import { buildExecute, type OkPacket, payloadOf } from '../../wire/index.ts';
import type { Payload } from './payload.ts';
import { boundParameters, type WrittenStatement } from './written-statement.ts';

/** A statement answered otherwise than it did at first. */
export class ReplayDiffers extends Error {}

/**
 * On a connection fresh from `reset`, inside of a transaction. `unchecked`: an operator has said that affected rows may differ.
 * Rejects with ReplayDiffers, or with ServerError or BackendFault for what may go better another time.
 */
export async function replayStatements(
  connection: BackendConnection,
  payload: Payload,
  unchecked = false,
): Promise<void> {
  let settings = freshSettings;
  for (const [index, statement] of payload.statements.entries()) {
    const changes = settingsReplay(settings, statement.settings, payload.class.ignoreSpace);
    settings = statement.settings;
    if (changes !== undefined) await connection.query(changes);
    const own = [
      ...(statement.timestamp === undefined ? [] : [`timestamp=${statement.timestamp}`]),
      ...(statement.insertId === 0n ? [] : [`insert_id=${statement.insertId}`]),
    ];
    if (own.length > 0) await connection.query(`SET ${own.join(',')}`);
    const place = `statement ${index + 1} of ${payload.statements.length}`;
    let ok: OkPacket;
    try {
      ok = await runStatement(connection, statement);
    } catch (error) {
      if (error instanceof ServerError && concernsMeaning(error))
        throw new ReplayDiffers(`${place}: error ${error.errno}: ${error.message}`, { cause: error });
      throw error;
    }
    if (!unchecked && ok.affectedRows !== statement.affected) {
      throw new ReplayDiffers(`${place} affected ${ok.affectedRows} rows instead of ${statement.affected}`);
    }
  }
}

async function runStatement(
  connection: BackendConnection,
  { text, parameters, settings }: WrittenStatement,
): Promise<OkPacket> {
  if (parameters === undefined) return (await connection.query(text)).ok;
  connection.preparedScope = settingsReplay(freshSettings, settings) ?? '';
  const handle = await connection.prepare(text.toString('utf8'));
  const bound = boundParameters(parameters);
  const packet = payloadOf((writer) =>
    buildExecute(writer, handle.statementId, 0, bound.parameters, bound.source, true),
  );
  const result = await new Promise<{ readonly ok: OkPacket }>((resolve, reject) => {
    connection.run(packet, 'result', new SmallResultHandler(connection.capabilities, resolve, reject));
  });
  return result.ok;
}

/** Constraints, values, names and rights: trying again does not help. Everything else is the server's condition. */
function concernsMeaning(error: ServerError): boolean {
  return /^(22|23|42|21)/.test(error.sqlState);
}
