//! Every file opens with a header of 2 to 15 `//!` lines: what it is for, promises, and leaves out.
//! Tests and fixtures are no exception: a stranger opens those first.

use super::Problem;
use super::sources::Source;

const LINES_MIN: usize = 1;
const LINES_MAX: usize = 15;

pub fn check(source: &Source) -> Option<Problem> {
    let lines = source.text.lines().take_while(|line| line.starts_with("//!")).count();
    let sentence = match lines {
        0 => format!(
            "open the file with a `//!` header of {LINES_MIN} to {LINES_MAX} lines: what it is for, promises, leaves out"
        ),
        count if count < LINES_MIN => {
            format!(
                "the header has {count} line: say in {LINES_MIN} or more what the file promises or leaves out"
            )
        }
        count if count > LINES_MAX => {
            format!(
                "the header has {count} lines: keep {LINES_MAX} and move the rest to docs/ or to its item"
            )
        }
        _ => return None,
    };
    Some(Problem::new(&source.path, 1, sentence))
}
