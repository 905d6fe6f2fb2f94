/** An app that was refused: its message is what is wrong, a line each. */
export class RefusedApp extends Error {
  public constructor(
    message: string,
    /** What is said of it beside that refuses nothing. */
    public readonly warnings: readonly string[] = [],
  ) {
    super(message);
  }
}
