/** What a test mocks. */
export const rate = 2
