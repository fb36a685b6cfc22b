//! The demo as a newcomer runs it.

use testkit::TempFolder;

/// The program under test with its arguments.
fn trunkline(arguments: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_trunkline"));
    command.args(arguments).stdin(std::process::Stdio::null());
    command
}

#[test]
fn demo_once_plays_one_conversation_through_all_three_apis() {
    let folder = TempFolder::new("demo-once");
    let output = trunkline(&["demo", "--once", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    for proof in ["LivePerson CREATE", "ASSIGNED_AGENT", "DELIVERED on SMS", "CONVERSATION_STOP"] {
        assert!(out.contains(proof), "{proof} is missing in:\n{out}");
    }
    assert!(folder.path().join("demo.json").exists());
}

#[test]
fn a_second_start_on_the_same_folder_plays_again() {
    let folder = TempFolder::new("demo-twice");
    for _ in 0..2 {
        let output = trunkline(&["demo", "--once", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_wrong_setting_is_told_in_a_sentence() {
    let output = trunkline(&["check"]).env("TRUNKLINE_SERVER__LISTEN", "nowhere").output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("listen"));
}
