/** A file that the client sends for LOAD DATA LOCAL. */

/** The frontend implements it over a client's socket; absent where the client has not offered to send files. */
export interface ClientFile {
  /** Asks the client for the file of that name. */
  request(name: Uint8Array): void;
  /** The next packet of its content; undefined: it has ended. Rejects if the client is gone. */
  read(): Promise<Buffer | undefined>;
}

/** Lets the client send the rest for nothing, so that an error can be told. */
export async function drain(file: ClientFile): Promise<void> {
  while ((await file.read()) !== undefined);
}
