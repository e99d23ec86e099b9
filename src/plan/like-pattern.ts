/** LIKE patterns of SHOW, which compare names without case. */

/** `%` any text, `_` one character, backslash takes the next character as it is. */
export function likePattern(pattern: string): RegExp {
  let source = '';
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index]!;
    if (character === '%') source += '.*';
    else if (character === '_') source += '.';
    else if (character === '\\' && index + 1 < pattern.length) source += escaped(pattern[++index]!);
    else source += escaped(character);
  }
  return new RegExp(`^${source}$`, 'isu');
}

function escaped(character: string): string {
  return /[\\^$.*+?()[\]{}|/-]/.test(character) ? `\\${character}` : character;
}
