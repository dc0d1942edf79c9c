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
  readonly close: () => void
}

/** Accesses the numbers of an open file. */
export const overFile = (fd: number): Control => {
  const number = new Int32Array(1)
  return {
    get: (place) => {
      readSync(fd, number, 0, number.byteLength, place * number.byteLength)
      return number[0]!
    },
    set: (place, value) => {
      number[0] = value
      writeSync(fd, number, 0, number.byteLength, place * number.byteLength)
    }
  }
}

/** Makes a file of so many numbers. Once it is closed, its numbers are 0 and cannot be set. */
export const makeFile = (numbers: number): ControlFile => {
  const fd = openNameless(numbers)
  const control = overFile(fd)
  // the descriptor may be another file's by then
  let isOpen = true
  return {
    fd,
    get: (place) => (isOpen ? control.get(place) : 0),
    set: (place, value) => {
      if (isOpen) control.set(place, value)
    },
    close: () => {
      if (!isOpen) return
      isOpen = false
      closeSync(fd)
    }
  }
}

let made = 0

/** Preferably in memory; where that is full or not writable, where temporary files are. */
const openNameless = (numbers: number): number => {
  const name = `effect-mpire-${process.pid}-${Math.random().toString(36).slice(2)}-${made++}`
  try {
    if (statSync("/dev/shm", { throwIfNoEntry: false })?.isDirectory() === true)
      return openIn("/dev/shm", name, numbers)
  } catch {}
  return openIn(tmpdir(), name, numbers)
}

const openIn = (directory: string, name: string, numbers: number): number => {
  const path = join(directory, name)
  const fd = openSync(path, "wx+", 0o600)
  try {
    unlinkSync(path)
    // written rather than truncated to its size, so that no later write can find the disk full
    writeSync(fd, new Uint8Array(numbers * Int32Array.BYTES_PER_ELEMENT), 0)
    return fd
  } catch (cause) {
    closeSync(fd)
    throw cause
  }
}
