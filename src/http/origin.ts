/** Which host a URL, an Origin or a Host header names. */

/** The host of a URL, lower-cased, without brackets. */
export function hostOf(url: string): string | undefined {
  try {
    const name = new URL(url).hostname.toLowerCase();
    return name === '' ? undefined : name.replace(/^\[|\]$/g, '');
  } catch {
    return undefined;
  }
}
