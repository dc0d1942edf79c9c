/**
 * The numbers that a process shares with its pool: a file without a name, which both have open. Reading or writing one
 * takes a microsecond, and what a process wrote can be read after its end, SIGKILL included.
 */
import type { Control } from "@effect-mpire/core/Channel"
import { closeSync, openSync, readSync, statSync, unlinkSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** The file, open in the pool's process. */
export interface ControlFile extends Control {
  /** Its file descriptor, for the child to inherit. */
  readonly fd: number
  /** Reads all numbers at once. */
  readonly readAll: (into: Int32Array) => void
  readonly close: () => void
}

/**
 * Accesses the numbers of an open file. Reads and writes are sequentially consistent: each is one system call (`pread`,
 * `pwrite`) that has taken effect when it returns, and POSIX demands that a read which begins after a write has
 * returned finds what was written, in every process. This holds because both processes are on one machine, and so have
 * one copy of the file: the operating system's, in its cache. Of two processes that each write a number and then read
 * the other's, one writes last; that one's read begins after both writes, so it finds the other's.
 */
export const overFile = (fd: number): Control => {
  const number = new Int32Array(1)
  return {
    get: (index) => {
      readSync(fd, number, 0, number.byteLength, index * number.byteLength)
      return number[0]!
    },
    set: (index, value) => {
      number[0] = value
      writeSync(fd, number, 0, number.byteLength, index * number.byteLength)
    }
  }
}

/** Makes a file of `count` numbers. Once it is closed, its numbers are 0 and cannot be set. */
export const makeFile = (count: number): ControlFile => {
  const fd = openNameless(count)
  // undefined once closed, when the descriptor may be that of another file
  let control: Control | undefined = overFile(fd)
  return {
    fd,
    get: (index) => control?.get(index) ?? 0,
    set: (index, value) => control?.set(index, value),
    readAll: (into) => {
      if (control === undefined) into.fill(0)
      else readSync(fd, into, 0, into.byteLength, 0)
    },
    close: () => {
      if (control === undefined) return
      control = undefined
      closeSync(fd)
    }
  }
}

let made = 0

/** Opens the file in /dev/shm, which is memory; or where temporary files are, if that is missing, full or read-only. */
const openNameless = (count: number): number => {
  const name = `effect-mpire-${process.pid}-${Math.random().toString(36).slice(2)}-${made++}`
  try {
    if (statSync("/dev/shm", { throwIfNoEntry: false })?.isDirectory() === true) return openIn("/dev/shm", name, count)
  } catch {}
  try {
    return openIn(tmpdir(), name, count)
  } catch (cause) {
    throw new Error(
      `A process shares a small file with its pool, which can be made neither in /dev/shm nor in ${tmpdir()} (TMPDIR): make one ` +
        `of them writable, under Node's --permission by --allow-fs-write. ${(cause as Error).message}`,
      { cause }
    )
  }
}

const openIn = (directory: string, name: string, count: number): number => {
  const path = join(directory, name)
  const fd = openSync(path, "wx+", 0o600)
  try {
    unlinkSync(path)
    // writes the zeros, instead of only setting the size, so that a later write cannot find the disk full
    writeSync(fd, new Uint8Array(count * Int32Array.BYTES_PER_ELEMENT), 0)
    return fd
  } catch (cause) {
    closeSync(fd)
    throw cause
  }
}
