// Which letters of a name the search matched.

export interface Piece {
  text: string;
  matched: boolean;
}

/** Cuts a text into runs of matched and other characters. Indexes count Unicode characters, not UTF-16 units. */
export function pieces(text: string, matches: readonly number[]): Piece[] {
  const matched = new Set(matches);
  const cut: Piece[] = [];
  Array.from(text).forEach((character, index) => {
    const last = cut.at(-1);
    if (last && last.matched === matched.has(index)) {
      last.text += character;
    } else {
      cut.push({ text: character, matched: matched.has(index) });
    }
  });
  return cut;
}
