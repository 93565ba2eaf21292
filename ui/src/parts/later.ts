const retryMs = 1_000;

/**
 * For code that is loaded after the page: while the gateway is away the request is repeated, so that the page goes on
 * showing its last data. It fails if the gateway answers without the file: then it serves another build, and the page
 * must be reloaded.
 */
export const later =
  <Module>(load: () => Promise<Module>) =>
  async (): Promise<Module> => {
    for (let wasReachable = false; ; ) {
      try {
        return await load();
      } catch (error) {
        if (wasReachable) throw error;
      }
      await new Promise(resolve => setTimeout(resolve, retryMs));
      wasReachable = await fetch('/healthz').then(
        ({ ok }) => ok,
        () => false,
      );
    }
  };
