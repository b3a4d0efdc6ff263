//! Prints the description of the API, out of which the page's types are made.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{}", sordino::api::openapi_json())
}
