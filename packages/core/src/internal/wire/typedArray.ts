/**
 * The types of the arrays that `mapArray` takes and returns.
 */

// Neither of the next two is an interface: TypeScript writes out the types in declarations of users' modules, which
// could not import an interface.

type Kinds<M extends ArrayBufferLike> = {
  readonly Int8Array: Int8Array<M>
  readonly Uint8Array: Uint8Array<M>
  readonly Uint8ClampedArray: Uint8ClampedArray<M>
  readonly Int16Array: Int16Array<M>
  readonly Uint16Array: Uint16Array<M>
  readonly Int32Array: Int32Array<M>
  readonly Uint32Array: Uint32Array<M>
  readonly Float32Array: Float32Array<M>
  readonly Float64Array: Float64Array<M>
  readonly BigInt64Array: BigInt64Array<M>
  readonly BigUint64Array: BigUint64Array<M>
}

/** Float16Array by its shape, because a program's TypeScript `lib` may not have it. */
type Float16ArrayLike<M extends ArrayBufferLike> = {
  readonly [Symbol.toStringTag]: "Float16Array"
  readonly BYTES_PER_ELEMENT: number
  readonly buffer: M
  readonly byteLength: number
  readonly byteOffset: number
  readonly length: number
}

/**
 * A TypedArray with elements of any type, over memory of type `M`.
 *
 * @see {@link ArrayOver} for one with the elements of another
 *
 * @category models
 * @since 0.1.0
 */
export type TypedArray<M extends ArrayBufferLike = ArrayBufferLike> = Kinds<M>[keyof Kinds<M>] | Float16ArrayLike<M>

/**
 * A TypedArray with elements of the same type as those of `A`, over memory of type `M`.
 *
 * @see {@link TypedArray} for all of them
 *
 * @category utility types
 * @since 0.1.0
 */
export type ArrayOver<A, M extends ArrayBufferLike> = 0 extends 1 & A
  ? TypedArray<M>
  : A extends { readonly [Symbol.toStringTag]: infer K extends keyof Kinds<M> }
    ? Kinds<M>[K]
    : A
