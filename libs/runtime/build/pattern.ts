/** Go's filepath.Match for one path component: `*`, `?`, `[a-z]`, `[^a]`, and `\` before any of them. */
export function toMatcher(pattern: string): RegExp {
  let source = '';
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index] ?? '';
    const set = character === '[' ? /^\[\^?(?:\\.|[^\]\\])+\]/.exec(pattern.slice(index))?.[0] : undefined;
    if (set !== undefined) {
      source += set;
      index += set.length - 1;
    } else if (character === '*') source += '[^/]*';
    else if (character === '?') source += '[^/]';
    else {
      if (character === '\\') index++;
      source += (pattern[index] ?? '').replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    }
  }
  return new RegExp(`^${source}$`, 's');
}

export function hasWildcard(text: string): boolean {
  return /[*?[]/.test(text);
}
