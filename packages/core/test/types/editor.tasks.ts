// A task that editor.tst.ts uses, and no other file: test/extended/editor.test.ts looks for its uses
export const resize = (width: number) => width * 2
