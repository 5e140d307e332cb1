/**
 * Loads with the first call and remembers what came; whoever calls meanwhile waits for the same load. A failure goes to
 * those who waited for it and is forgotten: the next call loads again.
 */
export function lazily<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | undefined;
  // Async, so that a load that throws at once is no other failure than one that rejects.
  const begin = async () => load();
  return () => {
    loading ??= begin().catch((thrown: unknown) => {
      loading = undefined;
      throw thrown;
    });
    return loading;
  };
}
