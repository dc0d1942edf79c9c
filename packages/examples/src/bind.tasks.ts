/** The words of a text that are in no dictionary: the bound value comes first, then the item. */
export const findUnknown = (dictionary: ReadonlySet<string>, text: string): ReadonlyArray<string> =>
  text.split(" ").filter((word) => !dictionary.has(word))
