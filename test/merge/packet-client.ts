/** A small blocking-style client for tests that need rows as the server sent them: raw payloads, text and binary. */
import { connect, type Socket } from 'node:net';
import { type ColumnDefinition, parseColumnDefinition, parseErr } from '../../src/wire/index.ts';

export interface RawResult {
  readonly columns: readonly ColumnDefinition[];
  readonly rows: readonly Buffer[];
}

/** An ERR packet of the server. */
export class ServerError extends Error {
  readonly errno: number;
  constructor(errno: number, message: string) {
    super(`${errno}: ${message}`);
    this.errno = errno;
  }
}

/** root without password over the Unix socket; no DEPRECATE_EOF, so results end with EOF packets. */
export class PacketClient {
  readonly #socket: Socket;
  #data = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  #sequence = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => {
      this.#data = this.#data.length === 0 ? chunk : Buffer.concat([this.#data, chunk]);
      this.#wake?.();
    });
    socket.on('error', () => this.#wake?.());
  }

  static async open(socketPath: string, database: string): Promise<PacketClient> {
    const socket = connect(socketPath);
    const client = new PacketClient(socket);
    await client.#packet();
    const head = Buffer.alloc(32);
    // LONG_PASSWORD FOUND_ROWS LONG_FLAG CONNECT_WITH_DB PROTOCOL_41 TRANSACTIONS SECURE_CONNECTION PLUGIN_AUTH
    head.writeUInt32LE(0x0008_a20f, 0);
    head.writeUInt32LE(64 << 20, 4);
    head[8] = 45;
    client.#send(
      Buffer.concat([head, Buffer.from('root\0\0', 'latin1'), Buffer.from(`${database}\0mysql_native_password\0`)]),
    );
    for (;;) {
      const answer = await client.#packet();
      if (answer[0] === 0) return client;
      if (answer[0] === 0xff) throw failure(answer);
      if (answer[0] === 0xfe) client.#send(Buffer.alloc(0));
    }
  }

  async query(text: string | Uint8Array): Promise<RawResult> {
    this.#command(0x03, Buffer.from(text as string));
    return await this.#result();
  }

  /** Prepares, executes once without parameters and closes: rows in the binary protocol. */
  async execute(
    text: string | Uint8Array,
    parameters: readonly (string | number | null)[] = [],
  ): Promise<RawResult & { readonly prepared: readonly ColumnDefinition[] }> {
    this.#command(0x16, Buffer.from(text as string));
    const ok = await this.#packet();
    if (ok[0] === 0xff) throw failure(ok);
    const id = ok.readUInt32LE(1);
    const columnCount = ok.readUInt16LE(5);
    const parameterCount = ok.readUInt16LE(7);
    for (let i = 0; i < parameterCount + (parameterCount > 0 ? 1 : 0); i += 1) await this.#packet();
    const prepared: ColumnDefinition[] = [];
    for (let i = 0; i < columnCount; i += 1) prepared.push(parseColumnDefinition(await this.#packet()));
    if (columnCount > 0) await this.#packet();
    const head = Buffer.alloc(9);
    head.writeUInt32LE(id, 0);
    head.writeUInt32LE(1, 5);
    this.#command(0x17, Buffer.concat([head, bindings(parameters)]));
    const result = await this.#result();
    this.#command(0x19, head.subarray(0, 4));
    return { ...result, prepared };
  }

  close(): void {
    this.#socket.destroy();
  }

  async #result(): Promise<RawResult> {
    const first = await this.#packet();
    if (first[0] === 0xff) throw failure(first);
    if (first[0] === 0) return { columns: [], rows: [] };
    const count = first[0]! < 0xfb ? first[0]! : first.readUInt16LE(1);
    const columns: ColumnDefinition[] = [];
    for (let i = 0; i < count; i += 1) columns.push(parseColumnDefinition(await this.#packet()));
    await this.#packet();
    const rows: Buffer[] = [];
    for (;;) {
      const packet = await this.#packet();
      if (packet[0] === 0xfe && packet.length < 9) return { columns, rows };
      if (packet[0] === 0xff) throw failure(packet);
      rows.push(packet);
    }
  }

  #command(code: number, body: Buffer): void {
    this.#sequence = 0;
    this.#send(Buffer.concat([Buffer.from([code]), body]));
  }

  #send(payload: Buffer): void {
    const head = Buffer.alloc(4);
    head.writeUIntLE(payload.length, 0, 3);
    head[3] = this.#sequence;
    this.#sequence += 1;
    this.#socket.write(Buffer.concat([head, payload]));
  }

  async #bytes(length: number): Promise<Buffer> {
    while (this.#data.length < length) {
      if (this.#socket.destroyed) throw new Error('connection lost');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const part = this.#data.subarray(0, length);
    this.#data = this.#data.subarray(length);
    return part;
  }

  async #packet(): Promise<Buffer> {
    const head = await this.#bytes(4);
    const length = head.readUIntLE(0, 3);
    this.#sequence = head[3]! + 1;
    const payload = await this.#bytes(length);
    return length === 0xff_ffff ? Buffer.concat([payload, await this.#packet()]) : payload;
  }
}

function bindings(parameters: readonly (string | number | null)[]): Buffer {
  if (parameters.length === 0) return Buffer.alloc(0);
  const nulls = Buffer.alloc((parameters.length + 7) >> 3);
  const types: number[] = [];
  const values: Buffer[] = [];
  parameters.forEach((value, i) => {
    if (value === null) {
      nulls[i >> 3]! |= 1 << (i & 7);
      types.push(6, 0);
    } else if (typeof value === 'number') {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64LE(BigInt(value));
      values.push(bytes);
      types.push(8, 0);
    } else {
      const bytes = Buffer.from(value);
      values.push(Buffer.from([bytes.length]), bytes);
      types.push(253, 0);
    }
  });
  return Buffer.concat([nulls, Buffer.from([1]), Buffer.from(types), ...values]);
}

function failure(packet: Buffer): ServerError {
  const { errno, message } = parseErr(packet);
  return new ServerError(errno, message);
}
