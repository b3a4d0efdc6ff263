//! Prints the description of the API, from which the page's types are generated: `cargo run --example openapi > web/openapi.json`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{}", sordino::api::openapi_json())
}
