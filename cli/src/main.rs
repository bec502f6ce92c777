//! The `gravure` binary: arguments, terminal, exit codes.
//!
//! ```text
//!  arguments --> commands/* --> Project (files) --> Program --> one thread per file: evaluate, lower
//!                                                                --> one graph --> realise --> write
//! ```
//! Results go to stdout, everything else to stderr. A command returns what went wrong as one [`Trouble`], which is
//! printed here and nowhere else, and which knows the exit code.

mod arguments;
mod batch;
mod commands;
mod environment;
mod events;
mod images;
mod interrupt;
mod progress;
mod target;
mod terminal;
mod trouble;
mod world;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use terminal::Messages;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    terminal::set_messages(Messages { format: arguments.message_format, has_trace: arguments.trace });
    let result = match &arguments.command {
        Command::Build(arguments) => commands::build::run(arguments),
        Command::Eval(arguments) => commands::eval::run(arguments),
        Command::Check(arguments) => commands::check::run(arguments),
        Command::Doc(arguments) => commands::doc::run(arguments),
        Command::Fmt(arguments) => commands::fmt::run(arguments),
        Command::Explain(arguments) => commands::explain::run(arguments),
        Command::Graph(arguments) => commands::graph::run(arguments),
        Command::Inspect(arguments) => commands::inspect::run(arguments),
        Command::Layout(arguments) => commands::layout::run(arguments),
        Command::Lock(arguments) => commands::lock::run(arguments),
        Command::Realise(arguments) => commands::realise::run(arguments),
        Command::Store(arguments) => commands::store::run(arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            trouble.print();
            ExitCode::from(trouble.exit_code())
        }
    }
}
