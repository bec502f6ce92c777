//! `gravure check`: the mistakes that can be found without evaluating.

use crate::arguments::Check;
use crate::batch::Batch;
use crate::trouble::Trouble;

pub(crate) fn run(arguments: &Check) -> Result<(), Trouble> {
    Batch::load(&arguments.files, &arguments.project).map(drop)
}
