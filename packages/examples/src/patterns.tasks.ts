/** Whether a text matches a pattern that a user wrote. Some patterns take longer than the universe will last. */
export const matches = ({ pattern, text }: { readonly pattern: string; readonly text: string }): boolean =>
  new RegExp(pattern).test(text)
