//! Opens the streams, and does what standard input says.

use std::io::BufRead;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tonic::transport::Endpoint;

use crate::board::Board;
use crate::sidecar::Sidecar;

/// Streams that share a connection; the control plane takes as many.
const SHARED: usize = 16;
/// No order takes longer.
const PATIENCE: Duration = Duration::from_secs(180);

/// Runs until standard input ends.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks to a terminal")]
pub fn run(address: &str, count: usize, namespaces: usize) -> ExitCode {
    let (lines, mut orders) = mpsc::channel(1);
    // Reading blocks, and ends with the program.
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    let told = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string());
    let done = told.and_then(|runtime| {
        runtime.block_on(async {
            let board = Arc::new(Board::new(count, namespaces));
            let _sidecars = open(address, count, &board)?;
            while let Some(order) = orders.recv().await {
                let answer = timeout(PATIENCE, follow(&order, &board)).await;
                println!("{}", answer.map_err(|_| format!("{order}: not done; {}", board.counts()))??);
            }
            Ok(())
        })
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let error: String = error;
            eprintln!("bench-scale: {error}");
            ExitCode::FAILURE
        }
    }
}

fn open(address: &str, count: usize, board: &Arc<Board>) -> Result<JoinSet<()>, String> {
    let mut sidecars = JoinSet::new();
    for first in (0..count).step_by(SHARED) {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|e| e.to_string())?;
        let channel = endpoint.connect_timeout(Duration::from_secs(5)).tcp_nodelay(true).connect_lazy();
        for number in first..count.min(first + SHARED) {
            sidecars.spawn(Sidecar::new(number, board.clone(), channel.clone()).run());
        }
    }
    Ok(sidecars)
}

async fn follow(order: &str, board: &Board) -> Result<Value, String> {
    let began = Instant::now();
    let words: Vec<&str> = order.split_ascii_whitespace().collect();
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("{order}: not understood"));
    match words[..] {
        ["settle"] => {
            board.all_have(0).await;
            Ok(json!({"settle_ms": began.elapsed().as_secs_f64() * 1e3, "counts": board.counts()}))
        }
        ["edit", file, edit] => {
            let edit = number(edit)?;
            let began = rewrite(Path::new(file), "edit-", edit).await?;
            board.all_have(edit).await;
            Ok(json!({"edited_ms": board.edited_ms(began), "counts": board.counts()}))
        }
        ["churn", directory, files, rate, seconds] => {
            churn(board, directory, number(files)?, (number(rate)?, number(seconds)?)).await?;
            board.all_churned().await;
            let seconds = began.elapsed().as_secs_f64();
            Ok(json!({"seconds": seconds, "churned_ms": board.churned_ms(), "counts": board.counts()}))
        }
        _ => Err(format!("{order}: not understood")),
    }
}

/// Edits one file after the other, so many a second: file `pN.yaml` is of namespace N modulo their number.
async fn churn(board: &Board, directory: &str, files: u64, (rate, seconds): (u64, u64)) -> Result<(), String> {
    let mut ticks = interval(Duration::from_secs(1) / u32::try_from(rate.max(1)).unwrap_or(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    // Numbers go on from one order to the next, so that every edit is one.
    let first = board.churned() + 1;
    for edit in first..first + rate * seconds {
        ticks.tick().await;
        // A prime step visits all files before it comes to one again.
        let file = edit * 7919 % files;
        board.churning(board.namespace_of(usize::try_from(file).unwrap_or(0)), edit);
        rewrite(&Path::new(directory).join(format!("p{file}.yaml")), "churn-", edit).await?;
    }
    Ok(())
}

/// Puts `number` in the place of every number behind `word`, in one step; when that was.
async fn rewrite(file: &Path, word: &str, number: u64) -> Result<Instant, String> {
    let failed = |e: std::io::Error| format!("{}: {e}", file.display());
    let text = tokio::fs::read_to_string(file).await.map_err(failed)?;
    let mut parts = text.split(word);
    let mut new = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        new.push_str(word);
        new.push_str(&number.to_string());
        new.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    // A name that the control plane does not read.
    let beside = file.with_extension("new");
    tokio::fs::write(&beside, new).await.map_err(failed)?;
    let began = Instant::now();
    tokio::fs::rename(&beside, file).await.map_err(failed)?;
    Ok(began)
}
