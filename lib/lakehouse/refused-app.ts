/** An app that was refused: its message is what is wrong, a line each. */
export class RefusedApp extends Error {}
