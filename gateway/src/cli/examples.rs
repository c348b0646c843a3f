//! An example a command, shown at the end of its help: whoever is woken types what stands there, and changes a name.

use clap::Command;

/// Each command by its words, and what one types.
const EXAMPLES: [(&[&str], &str); 27] = [
    (&["demo"], "muster demo"),
    (&["run"], "muster run my-site.toml"),
    (&["check"], "muster check my-site.toml"),
    (&["order"], "muster order evacuate --token-file anna.tok"),
    (&["devices"], "muster devices --zone battery-room"),
    (&["readiness"], "muster readiness my-site.toml"),
    (&["drill"], "muster drill --site lyon-2 --token-file anna.tok"),
    (&["notify"], "muster notify test --config my-site.toml"),
    (&["notify", "test"], "muster notify test --config my-site.toml"),
    (&["enroll"], "muster enroll init --site lyon-2"),
    (&["enroll", "init"], "muster enroll init --site lyon-2"),
    (
        &["enroll", "gateway"],
        "muster enroll gateway --name muster.lyon-2.example",
    ),
    (&["enroll", "node"], "muster enroll node node-1"),
    (&["enroll", "revoke"], "muster enroll revoke node-1"),
    (&["enroll", "list"], "muster enroll list"),
    (&["sim"], "muster sim gateway/examples/pangyo-recommended.toml"),
    (&["sim", "receiver"], "muster sim receiver"),
    (
        &["hooks"],
        "muster hooks test http://127.0.0.1:9000/ --secret-file hook.secret",
    ),
    (&["journal"], "muster journal muster.db --verify"),
    (&["replay"], "muster replay muster.db.flight"),
    (&["probe"], "muster probe 10.0.4.21:161 --community-file snmp.community"),
    (&["profile"], "muster profile list"),
    (&["profile", "list"], "muster profile list"),
    (&["profile", "lint"], "muster profile lint my-ups.toml"),
    (
        &["profile", "test"],
        "muster profile test my-ups.toml --capture my-ups.txt",
    ),
    (&["bench"], "muster bench --quick"),
    (
        &["capture"],
        "muster capture 10.0.4.17:502 --profile ./my-ups.toml --for 60 --out my-ups.txt",
    ),
];

/// The whole command line, with its examples. Those that have several of their own keep them.
pub(super) fn with_examples(root: Command) -> Command {
    EXAMPLES
        .iter()
        .fold(root, |root, (words, example)| at(root, words, example))
}

fn at(command: Command, words: &[&'static str], example: &str) -> Command {
    let Some((first, rest)) = words.split_first() else {
        return shown(command, example);
    };
    command.mut_subcommand(first, |below| at(below, rest, example))
}

fn shown(command: Command, example: &str) -> Command {
    let before = command
        .get_after_help()
        .map(|text| format!("\n\n{text}"))
        .unwrap_or_default();
    command.after_help(format!("Example: {example}{before}"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    fn every(command: &Command, words: &str, see: &mut impl FnMut(&str, &Command)) {
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            let words = format!("{words} {}", below.get_name());
            see(&words, below);
            every(below, &words, see);
        }
    }

    /// And what it shows is taken by the real parser.
    #[test]
    fn every_command_says_what_it_does_in_a_sentence_and_shows_an_example() {
        let mut seen = 0;
        every(&with_examples(Cli::command()), "muster", &mut |words, command| {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(!about.is_empty(), "{words} does not say what it does");
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples = help
                .lines()
                .map(|line| line.trim_start().trim_start_matches("Example: "));
            let own: Vec<&str> = examples.filter(|line| line.starts_with(words)).collect();
            assert!(!own.is_empty(), "{words} shows no example: {help}");
            for line in own {
                crate::cli::tests::parses(line.split("   ").next().unwrap_or_default());
            }
            seen += 1;
        });
        assert!(seen > 25, "{seen}");
    }

    /// A line above a command in the list would hide what stands above its arguments.
    #[test]
    fn whoever_asks_for_the_whole_help_reads_what_each_end_means() {
        let root = Cli::command();
        for name in [
            "run",
            "check",
            "order",
            "devices",
            "readiness",
            "drill",
            "journal",
            "replay",
            "explain",
        ] {
            let command = root.find_subcommand(name).unwrap();
            let long = command.get_long_about().map(ToString::to_string).unwrap_or_default();
            assert!(long.contains("Exit"), "{name}: {long}");
        }
    }
}
