//! The README's tours work when pasted: its shell blocks, as they stand there, against a demo.

use std::process::Command;

use sandbox::{Sandbox, Settings};
use testkit::TempFolder;

use crate::program::{Server, free_port};

const README: &str = include_str!("../../../../README.md");
/// Printed between the blocks.
const NEXT: &str = "=== next ===";

/// The shell blocks of the tours.
fn blocks() -> Vec<&'static str> {
    let (_, tours) = README.split_once("\n## Three tours\n").unwrap();
    let (tours, _) = tours.split_once("\n## ").unwrap();
    let fenced = tours.split("```sh\n").skip(1);
    fenced.map(|block| block.split_once("\n```").unwrap().0).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tours_of_the_readme_work_when_pasted() {
    let blocks = blocks();
    assert!(blocks[0].contains("J=${J:-trunkline-demo/demo.json}"), "the default is the demo's own folder");
    let folder = TempFolder::new("tours");
    let providers = Sandbox::start(Settings::default()).await.unwrap();
    let server = Server::demo(folder.path(), free_port(), &providers.url()).await;
    // As a person does, who pastes after the demo has printed its last line.
    server.until_played().await;
    let script = format!("set -eu\n{}\n", blocks.join(&format!("\necho '{NEXT}'\n")));
    let mut shell = Command::new("timeout");
    shell.args(["100", "bash", "-c", &script]).env("J", folder.path().join("demo.json"));
    let output = tokio::task::spawn_blocking(move || shell.output().unwrap()).await.unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    let shown: Vec<&str> = out.split(NEXT).collect();
    let [_, business, agent, consumer] = shown[..] else { panic!("four blocks, not\n{out}") };
    assert!(business.contains("\"message_id\"") && business.contains("Your parcel is here."), "{business}");
    assert!(agent.contains("\"content\":\"We will.\""), "{agent}");
    assert_eq!(consumer.matches("\"code\":\"OK\"").count(), 3, "{consumer}");
    assert!(consumer.contains("conversationId"), "{consumer}");
    server.kill();
    providers.shutdown().await;
}
