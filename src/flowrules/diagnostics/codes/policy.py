"""FR3xx: consent, caps, templates, and the settings of the workspace."""

from __future__ import annotations

from flowrules.diagnostics.code import Code

_MARKETING = "    purpose marketing: ask first\n    class marketing: purpose marketing, limited, counted\n"
_STAGE = """\
event signed_up:
    plan: text
campaign welcome:
    enter when signed_up
    stage first:
"""

CODES: tuple[Code, ...] = (
    Code(
        "FR301",
        "more than one policy",
        "All campaigns stand under one policy, so all files together hold one `policy:` block.",
        "policy:\n    cap 3 contacts per 7 days\npolicy:\n    hold out 5%",
        "policy:\n    cap 3 contacts per 7 days\n    hold out 5%",
    ),
    Code(
        "FR302",
        "a line of the policy that stands twice",
        "A policy has one time zone, one share held out and one `when capped`, and each purpose and class once. Caps"
        " and quiet hours may be many: all of them hold.",
        "policy:\n    hold out 5%\n    hold out 10%",
        "policy:\n    hold out 10%",
    ),
    Code(
        "FR303",
        "a class that is not declared",
        "The classes of messages stand in `policy:`. Without one there is the class `marketing`.",
        "policy:\n" + _MARKETING + "    hold out 5% of customers from class marketting",
        "policy:\n" + _MARKETING + "    hold out 5% of customers from class marketing",
    ),
    Code(
        "FR304",
        "a purpose that is not declared",
        "Consent is given for a purpose, and the purposes stand in `policy:`. Without one there is the purpose"
        " `marketing`, which asks first.",
        "policy:\n    purpose marketing: ask first\n    class news: purpose marketting, limited, counted",
        "policy:\n    purpose marketing: ask first\n    class news: purpose marketing, limited, counted",
    ),
    Code(
        "FR305",
        "a share that can not be",
        "A share lies between 0% and 100% and has up to four decimals.",
        "policy:\n    hold out 105%",
        "policy:\n    hold out 5%",
    ),
    Code(
        "FR306",
        "a time zone that does not exist",
        "Time zones are named by continent and city, as in the IANA list.",
        'policy:\n    time zone "Europe/Madird"',
        'policy:\n    time zone "Europe/Madrid"',
    ),
    Code(
        "FR307",
        "a stage in the policy",
        "What becomes of a capped message may be said for all campaigns in the policy: it waits, is skipped, or ends"
        " the journey. Stages belong to campaigns, so `go to` stands in the head of a campaign.",
        "policy:\n    when capped wait up to 1 day, else go to later",
        "policy:\n    when capped wait up to 1 day, else skip",
    ),
    Code(
        "FR308",
        "quiet hours that never end",
        "Quiet hours begin at the first time and end before the second, which may be the next morning.",
        "policy:\n    quiet hours 09:00 to 09:00 for email",
        "policy:\n    quiet hours 21:00 to 09:00 for email",
    ),
    Code(
        "FR310",
        "a template that is not there",
        "`send email welcome` takes its words from `templates/email/welcome.txt`, `.html` or both. Versions for a"
        " language, such as `welcome.es.txt`, stand beside it.",
        _STAGE + "        send email wellcome",
        _STAGE + "        send email welcome",
    ),
    Code(
        "FR311",
        "a template that can not be read",
        "A template is text with `{{ customer.first_name }}` for values and `{% if ... %}` ... `{% endif %}` for parts"
        " that not everyone gets. Each `{{`, `{%` and `{#` is closed, and only the known filters may be used.",
        "Hello {{ customer.country",
        "Hello {{ customer.country }}",
    ),
    Code(
        "FR312",
        "a template that asks for what there is not",
        "A template knows `customer.ATTRIBUTE`, `entry.PROPERTY` of the event that started the journey, and"
        " `message.ARGUMENT` of what the `send` hands over in brackets; and, where the channel is set up with"
        " them, `unsubscribe_url` and `postal_address`.",
        "Hello {{ customer.cuontry }}",
        "Hello {{ customer.country }}",
    ),
    Code(
        "FR313",
        "the head of a template",
        "The template of an email begins with its head: a line `---`, a line `subject: ...`, and a line `---`.",
        "---\nsubjet: Welcome\n---\nHello",
        "---\nsubject: Welcome\n---\nHello",
    ),
    Code(
        "FR314",
        "marketing mail without a sender or a way out",
        "Who gets advertising must be told who sent it and how to end it. A channel of type `smtp` that sends"
        " marketing therefore needs `unsubscribe_url` and `postal_address`. Every class is marketing but those of a"
        " purpose `service: unless refused`, such as receipts.",
        '[channels.email]\ntype = "smtp"\nhost = "smtp.example.com"\nsender = "news@example.com"\n'
        'unsubscribe_url = "https://example.com/u/"',
        '[channels.email]\ntype = "smtp"\nhost = "smtp.example.com"\nsender = "news@example.com"\n'
        'unsubscribe_url = "https://example.com/u/"\npostal_address = "Music Shop, 1 High Street, Springfield"',
    ),
    Code(
        "FR315",
        "marketing mail without a link to unsubscribe",
        "Mailbox providers want the link in the text of marketing mail too, and readers who do not find it report the"
        " mail as spam. Each part of the template, or a file it includes, shows it. This is a warning.",
        "---\nsubject: News\n---\nHello",
        "---\nsubject: News\n---\nHello\n\nNo more news: {{ unsubscribe_url }}\n{{ postal_address }}",
    ),
    Code(
        "FR316",
        "a link to something else",
        "Links in messages lead to the web, to mail or to a phone. What a customer's data makes of a link is looked at"
        " when the message is written; it is held if the link leads elsewhere.",
        '<a href="javascript:order()">Order</a>',
        '<a href="https://example.com/order">Order</a>',
    ),
    Code(
        "FR320",
        "no workspace, or settings that can not be read",
        "A workspace is a folder with a file flowrules.toml, or any folder below it. The file holds lines such as"
        ' `zone = "Europe/Madrid"`, with texts in quotes.',
        "zone = Europe/Madrid",
        'zone = "Europe/Madrid"',
    ),
    Code(
        "FR321",
        "a setting that does not exist or can not have this value",
        "flowrules.toml holds `database`, `zone`, `currency`, `virtual_clock`, `seed`, and for each channel a part"
        " `[channels.NAME]` with `type`, `address` and what belongs to its type. Passwords do not belong there: those"
        " of mail servers are read from the environment, and the variable FLOWRULES_DATABASE_URL goes before the file.",
        'curency = "EUR"',
        'currency = "EUR"',
    ),
)
