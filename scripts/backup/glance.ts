/** A look at a file's two ends: whether it can be a backup, and what it says of itself. */
import { type FileHandle, open } from 'node:fs/promises';
import { MAGIC, PREFIX_BYTES, RECORD, Trailer } from './records.ts';
import { isSealed, SEAL_BYTES } from './sealed-archive.ts';

/** A trailer is shorter by far. */
const END_BYTES = 512;

/** Undefined for what is no backup, or has no end. Files that one lacks are counted where it is not encrypted. */
export async function glanceAt(path: string): Promise<{ missing: number } | undefined> {
  await using file: FileHandle = await open(path, 'r');
  const { size } = await file.stat();
  const beginning = await piece(file, 0, SEAL_BYTES);
  if (isSealed(beginning)) return size > SEAL_BYTES ? { missing: 0 } : undefined;
  if (!beginning.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const end = await piece(file, Math.max(0, size - END_BYTES), END_BYTES);
  const at = end.lastIndexOf('{');
  const prefix = end.subarray(Math.max(0, at - PREFIX_BYTES), Math.max(0, at));
  if (prefix.length < PREFIX_BYTES || prefix.readUInt8() !== RECORD.trailer) return undefined;
  if (prefix.readUInt32BE(1) !== end.length - at) return undefined;
  const trailer = Trailer.safeParse(parsed(end.subarray(at).toString()));
  return trailer.success ? { missing: trailer.data.missing } : undefined;
}

async function piece(file: FileHandle, start: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start);
  return buffer.subarray(0, bytesRead);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
