import { createHash } from "node:crypto"
import { brotliCompressSync } from "node:zlib"

export const compress = (text: string): Uint8Array => new Uint8Array(brotliCompressSync(text))

export const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")
