//! `audit …`: the chain of what was done to a cluster.

use serde::Serialize;
use token::Operator;

use crate::{
    arguments::Arguments,
    output::{Answer, Error, Result},
    shell::Shell,
};

pub(super) fn verify(shell: &mut Shell, _: &Arguments<'_>) -> Result<Answer> {
    let cluster = shell.cluster_id()?;
    let report = shell.client()?.verify_audit(&cluster)?;
    if let Some(number) = report.broken_at {
        return Err(Error::Broken(format!(
            "the audit chain of {} is broken: record {number} of {} does not follow from the one \
             before it",
            cluster, report.records
        )));
    }
    Answer::data(Verified {
        cluster_id: cluster.as_str(),
        chain: "intact",
        records: report.records,
        head: &report.head,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Verified<'a> {
    cluster_id: &'a str,
    chain: &'static str,
    records: u64,
    head: &'a str,
}
