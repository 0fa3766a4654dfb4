//! Damaged configurations, thousands of them but always the same ones: none may do worse than be refused with a field's name, and one that is
//! accepted means the same after a trip through JSON, which is how it reaches the container's first process.

use oci::Config;

/// xorshift64*: all that is asked of it is to be the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }
}

const CORPUS: [&[u8]; 3] =
    [include_bytes!("corpus/docker.json"), include_bytes!("corpus/everything.json"), include_bytes!("corpus/least.json")];

/// Put in place of a value, where most mistakes in a reader are.
const VALUES: [&str; 20] = [
    "null",
    "[]",
    "{}",
    "true",
    "\"\"",
    "0",
    "-1",
    "1.5",
    "1e999",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "-9223372036854775808",
    "\"/\"",
    "\"../..\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "[null]",
    "[[[[[[[[]]]]]]]]",
    "\"\u{fffd}é\"",
];

fn mutate(text: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(3) {
        let at = random.below(text.len());
        match random.below(6) {
            0 => text[at] = random.below(256) as u8,
            1 => text[at] ^= 1 << random.below(8),
            2 => drop(text.drain(at..(at + random.below(40)).min(text.len() - 1).max(at))),
            3 => {
                let copied = text[at..(at + random.below(200)).min(text.len())].to_vec();
                let to = random.below(text.len());
                text.splice(to..to, copied);
            }
            // The value after some colon, up to the end of its line.
            _ => {
                let Some(colon) = text[at..].iter().position(|byte| *byte == b':').map(|offset| at + offset + 1) else { continue };
                let end = text[colon..].iter().position(|byte| matches!(byte, b'\n' | b',')).map_or(text.len(), |offset| colon + offset);
                text.splice(colon..end, VALUES[random.below(VALUES.len())].bytes());
            }
        }
    }
}

#[test]
fn the_corpus_itself_is_accepted() {
    for text in CORPUS {
        Config::parse(text).unwrap();
    }
}

#[test]
fn damaged_configurations_are_refused_by_name_or_mean_what_they_say() {
    const MUTANTS: usize = 1500;
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut accepted, mut refused) = (0, 0);
    for seed in CORPUS {
        for _ in 0..MUTANTS {
            let mut text = seed.to_vec();
            mutate(&mut text, &mut random);
            match Config::parse(&text) {
                Ok(config) => {
                    let once = serde_json::to_vec(&config).unwrap();
                    let again =
                        Config::parse(&once).unwrap_or_else(|error| panic!("{error} after a trip: {}", String::from_utf8_lossy(&once)));
                    assert_eq!(serde_json::to_vec(&again).unwrap(), once);
                    accepted += 1;
                }
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    refused += 1;
                }
            }
        }
    }
    assert!(accepted > MUTANTS / 10 && refused > MUTANTS / 10, "{accepted} accepted, {refused} refused: the mutants are no test");
}
