export const serve = () => {}
