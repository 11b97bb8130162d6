"""FR0xx: how a file is written."""

from __future__ import annotations

from flowrules.diagnostics.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "FR001",
        "a word or sign that does not fit here",
        "Everything up to this place was understood; this word can not follow it. The hint lists what can.",
        'list staff from "staff.csv" with email',
        'list staff from "staff.csv" by email',
    ),
    Code(
        "FR002",
        "a tab at the beginning of a line",
        "What belongs together is shown by spaces at the beginning of the line. A tab looks different in every"
        " editor, so it is refused; the fix replaces each by four spaces.",
        "event purchase:\n\tamount: money",
        "event purchase:\n    amount: money",
    ),
    Code(
        "FR003",
        "a line begins in the wrong column",
        "The lines below a line that ends in `:` stand deeper, all by the same number of spaces. Everything else"
        " stands as deep as its neighbours.",
        "event purchase:\namount: money",
        "event purchase:\n    amount: money",
    ),
    Code(
        "FR004",
        "a colon is missing",
        "A line that opens a block, and the name in front of a type or a condition, end in `:`.",
        "segment buyers has purchase",
        "segment buyers: has purchase",
    ),
    Code(
        "FR005",
        "a text in quotes is not closed or holds an unknown sign",
        'Texts stand between double quotes on one line. Inside, a quote is written `\\"` and a backslash `\\\\`.',
        'list staff from "staff.csv by email',
        'list staff from "staff.csv" by email',
    ),
    Code(
        "FR006",
        "a character that can not stand here",
        "Names are made of the letters a to z, digits and `_`; everything else stands between quotes. Invisible"
        " characters, such as those that change the direction of text, are refused everywhere: a reader would not see"
        " what the file really says. Quotes and spaces pasted from a text processor are often the cause.",
        "list staff from \u201cstaff.csv\u201d by email",
        'list staff from "staff.csv" by email',
    ),
    Code(
        "FR007",
        "a file that is too large",
        "A file of rules holds at most 2 MB. Data belong into `data/`, and campaigns may stand in as many files as you"
        " like.",
    ),
    Code(
        "FR008",
        "nested too deeply",
        "At most 50 levels of blocks or brackets may stand inside each other.",
        "segment buyers: " + "(" * 51 + "has purchase" + ")" * 51,
        "segment buyers: has purchase",
    ),
    Code(
        "FR009",
        "a bracket is not closed",
        "Each `(` needs its `)`. Inside brackets a line may be broken.",
        "segment buyers: (has purchase or has login",
        "segment buyers: (has purchase or has login)",
    ),
    Code(
        "FR010",
        "a word of the language used as a name",
        "A few words are reserved, so that a sentence can be read in one way only: a, after, and, between, clicks,"
        " consents, else, entry, event, every, exit, gets, go, has, if, in, is, joins, leaves, no, not, on, once,"
        " opens, or, reached, reaches, refuses, send, set, split, start, tag, tagged, untag, up, wait, webhook, while,"
        " within. A message can not be named like a reaction (`opened`, `clicked`, ...).",
        "event exit",
        "event site_left",
    ),
    Code(
        "FR011",
        "a date, time, number or length of time that can not be",
        "Times run from `00:00` to `23:59`, dates are written `2026-03-02`, money `12.50 EUR`, a length of time is a"
        " whole number of minutes, hours, days, weeks or months, at least 1, with a space before the unit.",
        "segment recent: has purchase in last 0 days",
        "segment recent: has purchase in last 30 days",
    ),
    Code(
        "FR012",
        "an unknown word",
        "The word is not part of the language in this place; most often it is misspelt. The hint names the"
        " nearest one.",
        "atribute plan: text",
        "attribute plan: text",
    ),
    Code(
        "FR013",
        "something is missing",
        "The line ends, or goes on, before all is said. The hint says what is expected.",
        "segment buyers: has purchase in last",
        "segment buyers: has purchase in last 30 days",
    ),
    Code(
        "FR014",
        "a line in the wrong place",
        "What holds for the whole campaign stands at its top, steps stand in a stage, stages directly in a campaign,"
        " `else` directly below its `if`.",
        'campaign hello:\n    enter when login\n    stage first:\n        exit\n    owner "ana@example.com"',
        'campaign hello:\n    owner "ana@example.com"\n    enter when login\n    stage first:\n        exit',
    ),
    Code(
        "FR015",
        "spelt as in another language",
        "The meaning is clear, the spelling is not ours. The hint shows how it is written here.",
        'segment buyers: plan == "pro"',
        'segment buyers: plan is "pro"',
    ),
    Code(
        "FR016",
        "a file that is not UTF-8 text",
        "Rules are saved as UTF-8, the usual encoding of today's editors. Save the file again with that encoding.",
    ),
    Code(
        "FR017",
        "too many mistakes",
        "After 100 mistakes the rest of a file is not read: it is probably not a file of rules.",
    ),
    Code(
        "FR018",
        "a merge that was not finished",
        "Two people changed the same lines, and git wrote both versions into the file, between `<<<<<<<`, `=======` and"
        " `>>>>>>>`. Nothing of the file is read until one of them is chosen.",
        "event purchase\n<<<<<<< HEAD\nevent login\n=======\nevent sign_in\n>>>>>>> spring",
        "event purchase\nevent login",
    ),
    Code(
        "FR050",
        "not available yet",
        "The language describes this, but this version can not run it. It is refused rather than ignored, so that a"
        " campaign never does less than it says. The hint shows what to write instead, where there is something.",
        'segment stayed: plan has been "pro" for at least 30 days',
        'segment stayed: plan is "pro"',
    ),
)
