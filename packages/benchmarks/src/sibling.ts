/**
 * A module beside another one, by its name without extension: TypeScript from source, JavaScript when compiled. The
 * compiler leaves `new URL("./x.ts")` alone, and other pools do not look for the `.js` beside it.
 */
export const sibling = (moduleUrl: string, name: string): URL =>
  new URL(`${name}${moduleUrl.endsWith(".ts") ? ".ts" : ".js"}`, moduleUrl)
