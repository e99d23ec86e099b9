/** One client session whose every visible outcome is recorded: rows as bytes, columns, counters, status, errors, warnings. */
import mysql from 'mysql2/promise';
import type { CaseParameter, Step } from './case-file.ts';

export interface ColumnOutcome {
  readonly name: string;
  readonly type: number;
  readonly charset: number;
  readonly flags: number;
  readonly decimals: number;
  readonly schema: string;
  readonly table: string;
  readonly orgTable: string;
}

export interface WarningOutcome {
  readonly level: string;
  readonly code: number;
  readonly message: string;
}

/** What a client saw of one statement. */
export type Outcome = (
  | { readonly kind: 'rows'; readonly columns: readonly ColumnOutcome[]; readonly rows: readonly string[] }
  | {
      readonly kind: 'ok';
      readonly affectedRows: number;
      readonly changedRows: number;
      readonly insertId: string;
      readonly info: string;
      /** The bits for autocommit and an open transaction. */
      readonly status: number;
    }
  | { readonly kind: 'error'; readonly errno: number; readonly sqlState: string; readonly message: string }
) & { readonly warnings: readonly WarningOutcome[] | undefined };

export type Protocol = 'text' | 'binary';

export interface ClientAddress {
  readonly host?: string;
  readonly port?: number;
  readonly socketPath?: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** Flags whose difference a program notices: NOT NULL, BLOB, UNSIGNED, ZEROFILL, BINARY, ENUM, SET. */
const visibleFlags = 1 | 16 | 32 | 64 | 128 | 256 | 2048;
const statusBits = 1 | 2;

type Field = mysql.FieldPacket & {
  readonly columnType: number;
  readonly characterSet: number;
  readonly decimals: number;
  readonly schema: string;
};

/** Readable and unambiguous: text quoted with escapes, bytes that are no UTF-8 as hex. */
const showValue = (value: unknown): string => {
  if (value === null || value === undefined) return 'NULL';
  if (Buffer.isBuffer(value)) {
    const text = value.toString('utf8');
    return text.includes('\ufffd') ? `x'${value.toString('hex')}'` : JSON.stringify(text);
  }
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
};

/** Text statements get the value as a literal; prepared ones the type that the case names. */
const toParameter = (value: CaseParameter, protocol: Protocol): mysql.ExecuteValues => {
  if (value === null || typeof value !== 'object') return value;
  if ('hex' in value) return Buffer.from(value.hex, 'hex');
  if (protocol === 'text') return value.value;
  const types = mysql.TypedParameter as unknown as Readonly<Record<string, TypedFactory | undefined>>;
  const make = types[value.type];
  if (make === undefined) throw new Error(`no parameter type ${value.type}`);
  return value.unsigned ? make.unsigned(value.value) : make(value.value);
};

type TypedFactory = ((value: unknown) => mysql.ExecuteValues) & { unsigned(value: unknown): mysql.ExecuteValues };

export class RawClient {
  readonly #connection: mysql.Connection;

  private constructor(connection: mysql.Connection) {
    this.#connection = connection;
  }

  static async open(address: ClientAddress): Promise<RawClient> {
    const connection = await mysql.createConnection({
      ...address,
      charset: 'utf8mb4_general_ci',
      rowsAsArray: true,
      dateStrings: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      jsonStrings: true,
      connectTimeout: 10_000,
    });
    connection.on('error', () => {});
    return new RawClient(connection);
  }

  async close(): Promise<void> {
    const timer = setTimeout(() => this.#connection.destroy(), 2000);
    try {
      await this.#connection.end();
    } catch {
      this.#connection.destroy();
    } finally {
      clearTimeout(timer);
    }
  }

  async #send(step: Step, protocol: Protocol): Promise<Outcome> {
    const parameters = step.params.map((value) => toParameter(value, protocol));
    try {
      const [result, fields] =
        protocol === 'text'
          ? await this.#connection.query({
              sql: step.sql,
              values: parameters,
              rowsAsArray: true,
              typeCast: (field) => field.buffer(),
              timeout: 60_000,
            })
          : await this.#connection.execute({ sql: step.sql, values: parameters, rowsAsArray: true, timeout: 60_000 });
      if (fields === undefined || !Array.isArray(result)) {
        const header = result as mysql.ResultSetHeader & { serverStatus: number; changedRows: number };
        return {
          kind: 'ok',
          affectedRows: header.affectedRows,
          changedRows: header.changedRows ?? 0,
          insertId: String(header.insertId),
          info: header.info,
          status: header.serverStatus & statusBits,
          warnings: undefined,
        };
      }
      return {
        kind: 'rows',
        columns: (fields as readonly Field[]).map((field) => ({
          name: field.name,
          type: field.columnType,
          charset: field.characterSet,
          flags: Number(field.flags) & visibleFlags,
          decimals: field.decimals,
          schema: field.schema,
          table: field.table,
          orgTable: field.orgTable,
        })),
        rows: (result as unknown as unknown[][]).map((row) => row.map(showValue).join(', ')),
        warnings: undefined,
      };
    } catch (error) {
      const { errno, sqlState, sqlMessage, message } = error as mysql.QueryError & { sqlMessage?: string };
      if (errno === undefined || sqlState === undefined) {
        return { kind: 'error', errno: 0, sqlState: '', message: `connection: ${message}`, warnings: undefined };
      }
      return {
        kind: 'error',
        errno,
        sqlState: sqlState.replace(/^#/, ''),
        message: sqlMessage ?? message,
        warnings: undefined,
      };
    } finally {
      // Statements are prepared anew each time, as most drivers do for ad-hoc queries.
      if (protocol === 'binary') this.#connection.unprepare(step.sql);
    }
  }

  /** Runs one statement and, with `diagnostics`, asks for its warnings. Never throws for what a server answers. */
  async run(step: Step, protocol: Protocol, diagnostics: boolean): Promise<Outcome> {
    const outcome = await this.#send(step, protocol);
    if (!diagnostics) return outcome;
    try {
      const [shown] = await this.#connection.query<mysql.RowDataPacket[]>({
        sql: 'SHOW WARNINGS',
        rowsAsArray: true,
        timeout: 60_000,
      });
      const warnings = shown.map((row) => ({ level: String(row[0]), code: Number(row[1]), message: String(row[2]) }));
      return { ...outcome, warnings };
    } catch {
      return outcome;
    }
  }
}
