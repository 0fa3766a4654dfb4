const adjectives =
  'amber ancient autumn bold brave bright brisk calm clear clever cool copper coral crisp curious daring eager early easy fair fleet fond frosty gentle golden grand green happy hardy honest humble jolly keen kind lively loyal lucid lucky mellow merry mild misty modest neat noble open patient plain polite proud quick quiet rapid ready royal rustic sharp silent silver simple smart snowy solid spry steady sunny swift tidy tranquil true vivid warm wild wise witty'.split(
    ' ',
  );
const nouns =
  'anchor arch atlas beacon bridge brook canal canyon castle cedar cliff cloud comet cove crane crest delta dock dune eagle ember falcon ferry field fjord forge fountain garden glacier granite grove harbor harvest haven hawk heron hill island jetty lagoon lantern lark ledge lighthouse lotus maple marsh meadow mesa mill moor nebula oak oasis orchard osprey otter palm peak pebble pier pine plain prairie quarry quay raven reef ridge river robin sail sequoia shore signal sparrow spring spruce station stone summit tide timber tower trail valley vessel village willow wren'.split(
    ' ',
  );

/** `steady_harbor`; with a digit when it is not the first try. `random` in [0, 1). */
export function makeName(random: () => number, attempt: number): string {
  const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)] ?? '';
  return `${pick(adjectives)}_${pick(nouns)}${attempt === 0 ? '' : Math.floor(random() * 10 ** Math.min(attempt, 6))}`;
}
