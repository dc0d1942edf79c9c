/**
 * The Schemas of `Portable.make` as plain functions between a value and what structured clone carries (S1).
 *
 * The walk below is that of `Schema.toCodecJson`, with its annotations, except that it stops where structured clone
 * needs no help: JSON would turn bytes into base64, dates and bigints into text, and `undefined` into `null`.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { memoize } from "effect/Function"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as Transferable from "effect/workers/Transferable"
import type * as Channel from "../../Channel.ts"
import type { Schemas } from "../task/portable.ts"

/** A Schema as two functions. Both throw, a SchemaError as a rule, when the Schema rejects the value. */
export interface Codec {
  /**
   * Adds what should be moved instead of copied to `transfers`, unless it throws. For a result, `item` is the item that
   * it is the result of, as it crossed.
   */
  readonly encode: (value: unknown, transfers: Array<Channel.Transferable>, item?: unknown) => unknown
  readonly decode: (value: unknown) => unknown
}

/** The codecs of a task; `undefined` where structured clone needs no help. */
export interface TaskCodecs {
  readonly input: Codec | undefined
  readonly output: Codec | undefined
  readonly error: Codec | undefined
}

/**
 * Marks the Schemas of what structured clone carries itself: their `toCodecJson` annotations. A Date Schema with an
 * annotation of its own is not among them, and is encoded as that one says.
 */
const cloned: ReadonlySet<unknown> = new Set(
  [Schema.Date, Schema.Uint8Array].map((schema) => schema.ast.annotations?.["toCodecJson"])
)

// Effect's own way to copy a node, which it does not export
const copy = <A extends SchemaAST.AST>(ast: A, changes: Partial<A>): A =>
  Object.assign(Object.create(Object.getPrototypeOf(ast)), ast, changes)

const toJson = (ast: SchemaAST.AST): SchemaAST.AST => Schema.toCodecJson(Schema.make(ast)).ast

const mapLastLink = (
  ast: SchemaAST.AST,
  encoding: SchemaAST.Encoding,
  f: (ast: SchemaAST.AST) => SchemaAST.AST
): SchemaAST.AST => {
  const last = Arr.lastNonEmpty(encoding)
  const link = new SchemaAST.Link(f(last.to), last.transformation)
  return copy(ast, { encoding: Arr.append(Arr.initNonEmpty(encoding), link) })
}

/** An optional key is optional in its encoded form too. */
const inContext = (ast: SchemaAST.AST, context: SchemaAST.Context): SchemaAST.AST => {
  const out = copy(ast, { context })
  return out.encoding === undefined ? out : mapLastLink(out, out.encoding, (to) => inContext(to, context))
}

const encodesSymbol = (ast: SchemaAST.AST): boolean => {
  const encoded = SchemaAST.toEncoded(ast)
  return SchemaAST.isSymbol(encoded) || SchemaAST.isUniqueSymbol(encoded)
}

const toCloneable: (ast: SchemaAST.AST) => SchemaAST.AST = memoize((ast) => {
  if (ast.encoding !== undefined) return mapLastLink(ast, ast.encoding, toCloneable)
  switch (ast._tag) {
    case "Undefined":
    case "Void":
    case "Unknown":
    case "ObjectKeyword":
    case "Number":
    case "BigInt":
    case "Literal":
      return ast
    case "Declaration": {
      const getLink = ast.annotations?.["toCodecJson"] ?? ast.annotations?.["toCodec"]
      if (typeof getLink !== "function" || cloned.has(getLink)) return ast
      const typeParameters = ast.typeParameters.map((parameter) => Schema.make(SchemaAST.toEncoded(parameter)))
      const link: SchemaAST.Link | undefined = getLink(typeParameters)
      if (link === undefined) return ast
      const to = toCloneable(link.to)
      if (ast.context === undefined) return copy(ast, { encoding: [new SchemaAST.Link(to, link.transformation)] })
      const { annotations, isMutable, isOptional } = ast.context
      const context = new SchemaAST.Context(isOptional, isMutable, undefined, annotations)
      return copy(ast, { encoding: [new SchemaAST.Link(inContext(to, context), link.transformation)] })
    }
    case "Arrays":
      return copy(ast, { elements: ast.elements.map(toCloneable), rest: ast.rest.map(toCloneable) })
    case "Objects": {
      // structured clone drops keys that are symbols: toCodecJson makes text of a record's, and refuses any others
      const keys = toJson(
        new SchemaAST.Objects(
          ast.propertySignatures.map(({ name }) => new SchemaAST.PropertySignature(name, SchemaAST.any)),
          ast.indexSignatures.map(({ parameter }) => new SchemaAST.IndexSignature(parameter, SchemaAST.any))
        )
      ) as SchemaAST.Objects
      return copy(ast, {
        propertySignatures: ast.propertySignatures.map(
          ({ name, type }) => new SchemaAST.PropertySignature(name, toCloneable(type))
        ),
        indexSignatures: Arr.zipWith(
          keys.indexSignatures,
          ast.indexSignatures,
          ({ parameter }, { type }) => new SchemaAST.IndexSignature(parameter, toCloneable(type))
        )
      })
    }
    case "Union": {
      // symbols become text, and come first: a String member before them would accept that text in decoding
      const symbols = ast.types.filter(encodesSymbol)
      const others = ast.types.filter((type) => !encodesSymbol(type))
      return copy(ast, { types: [...symbols, ...others].map(toCloneable) })
    }
    case "Suspend":
      return copy(ast, { thunk: () => toCloneable(ast.thunk()) })
    default:
      return toJson(ast)
  }
})

const toCloneableSchema = (schema: unknown): Schema.Codec<unknown> =>
  Schema.make(toCloneable((schema as Schema.Constraint).ast))

const getOrThrow = <A>(exit: Exit.Exit<A, unknown>): A => {
  if (Exit.isSuccess(exit)) return exit.value
  throw Cause.squash(exit.cause)
}

// each direction is compiled on first use: a side may need one only, and a recursive Schema may refer to a class that
// its module has not declared yet
const make = (schema: unknown): Codec => {
  let encoder: ((value: unknown) => Effect.Effect<unknown, Schema.SchemaError>) | undefined
  let decoder: ((value: unknown) => Effect.Effect<unknown, Schema.SchemaError>) | undefined
  return {
    encode: (value, transfers) => {
      encoder ??= Schema.encodeUnknownEffect(toCloneableSchema(schema))
      const effect = encoder(value)
      // an Effect that is done already cannot have asked for the collector
      if (Exit.isExit(effect)) return getOrThrow(effect)
      const collector = Transferable.makeCollectorUnsafe()
      const encoded = getOrThrow(Effect.runSyncExitWith(Context.make(Transferable.Collector, collector))(effect))
      for (const transferable of collector.readUnsafe()) {
        // each member of a union reports a buffer, and posting throws when the list names one twice
        if (!transfers.includes(transferable)) transfers.push(transferable)
      }
      return encoded
    },
    decode: (value) => {
      decoder ??= Schema.decodeUnknownEffect(toCloneableSchema(schema))
      const effect = decoder(value)
      return getOrThrow(Exit.isExit(effect) ? effect : Effect.runSyncExit(effect))
    }
  }
}

/** Memoized by the schemas object, so that a task's Schemas are compiled once. */
export const fromSchemas: (schemas: Schemas) => TaskCodecs = memoize(({ input, output, error }: Schemas) => ({
  input: input === undefined ? undefined : make(input),
  output: output === undefined ? undefined : make(output),
  error: error === undefined ? undefined : make(error)
}))
