/**
 * The beats of one connection, by which each end knows that the other lives and hears it (K5). A beat has a number, and tells
 * the newest of the other end's beats that was seen, and how long ago. All times are this machine's monotonic clock's: no two
 * machines' clocks are compared.
 */
import { ProtocolError } from "../frames/frame.ts"

/** The number, the newest number seen, and how many microseconds ago that was. */
export const beatLength = 12

/** How many of the newest beats are remembered: older ones count as never seen. */
const remembered = 1024

export class Beats {
  private number = 0
  /** When each of the newest beats was sent, by its number. */
  private readonly sentAt = new Map<number, number>()
  /** The newest of the other end's beats, and when it arrived. */
  private seen = 0
  private seenAt = 0
  private held: number
  private least = Number.POSITIVE_INFINITY

  /** `now` is when the connection was made, in milliseconds: until a beat has come back, that counts. */
  constructor(now: number) {
    this.held = now
    this.seenAt = now
  }

  /** When this end sent the newest of its beats of which it knows that the other end has seen it. */
  get heldSince(): number {
    return this.held
  }

  /** The least time, in milliseconds, that a beat and the answer to it took together; `undefined` before the first. */
  get roundTrip(): number | undefined {
    return Number.isFinite(this.least) ? this.least : undefined
  }

  /** A connection was made: how long its greeting took is a first round trip. */
  greeted(millis: number): void {
    this.least = Math.min(this.least, millis)
  }

  /** The next beat. */
  next(now: number): Uint8Array {
    this.number = (this.number + 1) >>> 0
    this.sentAt.set(this.number, now)
    if (this.sentAt.size > remembered) this.sentAt.delete(this.sentAt.keys().next().value!)
    const beat = Buffer.allocUnsafe(beatLength)
    beat.writeUInt32LE(this.number, 0)
    beat.writeUInt32LE(this.seen, 4)
    beat.writeUInt32LE(Math.min(0xff_ff_ff_ff, Math.max(0, Math.round((now - this.seenAt) * 1000))), 8)
    return beat
  }

  /** A beat has arrived. */
  receive(beat: Buffer, now: number): void {
    if (beat.length !== beatLength) throw new ProtocolError(`A beat of ${beat.length} bytes has arrived`)
    const seen = beat.readUInt32LE(4)
    this.seen = beat.readUInt32LE(0)
    this.seenAt = now
    const sentAt = this.sentAt.get(seen)
    if (sentAt === undefined) return
    this.held = Math.max(this.held, sentAt)
    this.least = Math.min(this.least, Math.max(0, now - sentAt - beat.readUInt32LE(8) / 1000))
  }
}
