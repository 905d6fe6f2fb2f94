/** Whoever reads the output may stop before its end (`| head`): that is no error. */
export function endWithTheReader(): void {
  process.stdout.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
}
