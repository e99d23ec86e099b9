/** MySQL bytes <-> packets, both directions, no I/O. */

export {
  AuthPlugin,
  buildAuthMoreData,
  buildAuthSwitchRequest,
  parseAuthSwitchRequest,
} from './auth-packets.ts';
export { type AuthAccepted, AuthServer, type AuthServerOptions, type AuthStep } from './auth-server.ts';
export { BinaryRowView, type BinaryValue, encodeBinaryRow, writeBinaryRow, writeBinaryValue } from './binary-row.ts';
export { decodeBinaryValue, temporalFromText, temporalToText } from './binary-value.ts';
export { type BoundBlock, type BoundParameter, readBoundParameters } from './bound-parameters.ts';
export {
  cachingSha2FastVerify,
  cachingSha2Scramble,
  cachingSha2StoredDigest,
  Sha2Dialogue,
  sha256,
} from './caching-sha2.ts';
export { type Capabilities, Capability, hasCapability, serverCapabilities } from './capabilities.ts';
export { buildChangeUser, type ChangeUser, parseChangeUser } from './change-user.ts';
export {
  type CollationInfo,
  collationById,
  collationByName,
  defaultCollationOf,
  isAsciiUnsafeCharset,
} from './collations.ts';
export {
  buildColumnDefinition,
  type ColumnDefinition,
  type ColumnPatch,
  parseColumnDefinition,
  patchColumnDefinition,
} from './column-definition.ts';
export { Command } from './command.ts';
export {
  CompressedReader,
  type Compression,
  packCompressed,
  zlibCompression,
  zstdCompression,
} from './compressed-packet.ts';
export {
  type Credential,
  type CredentialStore,
  FastAuthCache,
  parseCredential,
  StaticCredentials,
  type UserEntry,
} from './credential.ts';
export { buildEof, type EofPacket, parseEof } from './eof-packet.ts';
export { buildErr, type ErrPacket, errOf, parseErr } from './err-packet.ts';
export { buildExecute, type ExecutePacket, type ExecuteParameter, parseExecute } from './execute-packet.ts';
export { binaryWidth, ColumnFlag, FieldType } from './field-type.ts';
export { buildHandshake, type Handshake, parseHandshake } from './handshake.ts';
export {
  buildHandshakeResponse,
  buildSslRequest,
  type HandshakeResponse,
  isSslRequest,
  parseHandshakeResponse,
} from './handshake-response.ts';
export { buildLocalInfile, parseLocalInfile } from './local-infile.ts';
export { nativePasswordHash, nativePasswordScramble, nativePasswordVerify } from './native-password.ts';
export { buildOk, type OkPacket, okStatusOffset, parseOk } from './ok-packet.ts';
export { PacketFramer } from './packet-framer.ts';
export { MalformedPacket, PacketReader } from './packet-reader.ts';
export { framePayload, PACKET_PAYLOAD_MAX, PacketWriter, payloadOf } from './packet-writer.ts';
export { buildPrepareOk, type PrepareOk, parsePrepareOk } from './prepare-ok.ts';
export { type ProxyHeader, parseProxyHeader } from './proxy-header.ts';
export { parseQuery, type QueryPacket } from './query-packet.ts';
export { type FrameKind, type ReplyKind, ResultScanner, type ResultSink } from './result-scanner.ts';
export { newRsaKey, type RsaKey, rsaDecryptPassword, rsaEncryptPassword } from './rsa-password.ts';
export {
  parseSessionTrack,
  type SessionChange,
  SessionTrackType,
  writeSessionTrack,
} from './session-track.ts';
export { StatusFlag } from './status-flags.ts';
export { newStoredSha2, parseStoredSha2, type StoredSha2, verifyStoredSha2 } from './stored-sha2.ts';
export { encodeTextRow, TextRowView, writeTextRow } from './text-row.ts';
