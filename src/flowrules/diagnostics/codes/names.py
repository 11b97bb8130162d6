"""FR1xx: names and types."""

from __future__ import annotations

from flowrules.diagnostics.code import Code

_CAMPAIGN = """\
event signed_up:
    plan: text
campaign welcome:
    enter when signed_up
    stage first:
"""

CODES: tuple[Code, ...] = (
    Code(
        "FR101",
        "an attribute that is not declared",
        "Customers have the attributes the files declare, and id, email, phone, country, language and timezone. A"
        " misspelt one would never hold a value, so it is refused.",
        'attribute plan: text\nsegment pros: plna is "pro"',
        'attribute plan: text\nsegment pros: plan is "pro"',
    ),
    Code(
        "FR102",
        "an event that is not declared",
        "Each event is declared with `event NAME`. Those about messages are there for every channel: `email_delivered`,"
        " `email_opened`, `email_clicked`, `email_bounced`, `email_replied`,"
        " `email_complained`.",
        "event purchase\nsegment buyers: has purchas",
        "event purchase\nsegment buyers: has purchase",
    ),
    Code(
        "FR103",
        "a property that the event does not have",
        "The properties of an event stand below its declaration. Inside the brackets behind an event only its own"
        " properties can be compared; what concerns the customer stands outside.",
        "event purchase:\n    amount: money\nsegment buyers: has purchase (amuont > 50 EUR)",
        "event purchase:\n    amount: money\nsegment buyers: has purchase (amount > 50 EUR)",
    ),
    Code(
        "FR104",
        "a segment that is not declared",
        "Each segment is declared with `segment NAME: CONDITION`, in any file.",
        "event purchase\nsegment buyers: has purchase\nsegment others: not in segment byers",
        "event purchase\nsegment buyers: has purchase\nsegment others: not in segment buyers",
    ),
    Code(
        "FR105",
        "a list that is not declared",
        'Each list is declared with `list NAME from "FILE" by email`, in any file.',
        'list staff from "data/staff.csv" by email\nsegment ours: in list stuff',
        'list staff from "data/staff.csv" by email\nsegment ours: in list staff',
    ),
    Code(
        "FR106",
        "a campaign that does not exist",
        "Campaigns are named by the word behind `campaign`, not by their title in quotes.",
        _CAMPAIGN + "        send email welcome\nsegment new: in stage welcom.first",
        _CAMPAIGN + "        send email welcome\nsegment new: in stage welcome.first",
    ),
    Code(
        "FR107",
        "a stage that does not exist",
        "`go to` leads to a stage of the same campaign; `in stage` and `tagged` name a stage as `CAMPAIGN.STAGE`.",
        _CAMPAIGN + "        wait 1 day\n        go to frist",
        _CAMPAIGN + "        wait 1 day\n        go to first",
    ),
    Code(
        "FR108",
        "a channel that is not set up",
        "Channels are set up in flowrules.toml, each as `[channels.NAME]`.",
        _CAMPAIGN + "        send emial welcome",
        _CAMPAIGN + "        send email welcome",
    ),
    Code(
        "FR109",
        "a name of another kind",
        "Attributes, events, segments, lists and campaigns share one set of names, and each kind is asked for in its"
        " own way: an attribute is compared, an event has happened, a customer is in a segment or in a list.",
        "event purchase\nsegment buyers: has purchase\nsegment again: has buyers",
        "event purchase\nsegment buyers: has purchase\nsegment again: in segment buyers",
    ),
    Code(
        "FR110",
        "declared twice",
        "A name stands for one thing in all files together. Properties of an event, stages of a campaign, options of"
        " an attribute and arguments of a message are named once too.",
        "event purchase\nsegment purchase: has purchase",
        "event purchase\nsegment buyers: has purchase",
    ),
    Code(
        "FR111",
        "a name that every workspace has",
        "id, email, phone, country, language and timezone, and the events about messages such as `email_opened`, are"
        " there without a declaration.",
        'attribute country: text\nsegment spain: country is "ES"',
        'segment spain: country is "ES"',
    ),
    Code(
        "FR112",
        "which event is meant",
        "A customer has many events of a kind. Say which one's property is compared: `first`, `last`, or a number"
        " computed over all: `total of`, `average of`, `distinct of`.",
        "event purchase:\n    amount: money\nsegment big: purchase.amount > 100 EUR",
        "event purchase:\n    amount: money\nsegment big: last purchase.amount > 100 EUR",
    ),
    Code(
        "FR113",
        "a comparison that does not fit",
        "Texts have no order, only lists have items, only dates are compared with the calendar, only numbers, money"
        " and lengths of time add up.",
        'attribute plan: text\nsegment pros: plan > "free"',
        'attribute plan: text\nsegment pros: plan is not "free"',
    ),
    Code(
        "FR114",
        "a value of another type",
        "An attribute or property is compared with values of its own type only: texts stand in quotes, money has a"
        " currency, dates are written `2026-03-02`.",
        "event purchase:\n    amount: money\nsegment big: total of purchase.amount > 500",
        "event purchase:\n    amount: money\nsegment big: total of purchase.amount > 500 EUR",
    ),
    Code(
        "FR115",
        "a condition that does not belong into the brackets of an event",
        "Inside the brackets behind an event only its properties are compared; commas there mean `and`. What concerns"
        " the customer stands outside.",
        "event purchase:\n    amount: money\nsegment big: has purchase (amount > 5 EUR, tagged vip)\n"
        + _CAMPAIGN
        + "        tag vip",
        "event purchase:\n    amount: money\nsegment big: has purchase (amount > 5 EUR) and tagged vip\n"
        + _CAMPAIGN
        + "        tag vip",
    ),
    Code(
        "FR116",
        "not one of the options",
        "An attribute declared as `one of` holds these texts and no other, capitals included.",
        'attribute plan: one of "free", "pro"\nsegment pros: plan is "por"',
        'attribute plan: one of "free", "pro"\nsegment pros: plan is "pro"',
    ),
    Code(
        "FR117",
        "another currency",
        "A workspace counts in the one currency of flowrules.toml; amounts are never converted silently.",
        "event purchase:\n    amount: money\nsegment big: total of purchase.amount > 500 USD",
        "event purchase:\n    amount: money\nsegment big: total of purchase.amount > 500 EUR",
    ),
    Code(
        "FR118",
        "a value that can not be stored exactly",
        "Numbers have up to six decimals, money as many as its currency, and nothing is rounded silently.",
        "event purchase:\n    amount: money\nsegment big: total of purchase.amount > 9.999 EUR",
        "event purchase:\n    amount: money\nsegment big: total of purchase.amount > 9.99 EUR",
    ),
    Code(
        "FR119",
        "a month where days are counted",
        "`in last`, `within`, `per` and `again after` look at elapsed time, and months differ in length. Write the"
        " number of days. A step `wait 1 month` is right: it goes by the calendar.",
        "event purchase\nsegment sleeping: no purchase in last 2 months",
        "event purchase\nsegment sleeping: no purchase in last 60 days",
    ),
    Code(
        "FR120",
        "a segment defined by itself",
        "Segments may be made of other segments, but not in a circle.",
        "event purchase\nsegment a1: in segment b1\nsegment b1: has purchase or in segment a1",
        "event purchase\nsegment a1: in segment b1\nsegment b1: has purchase",
    ),
    Code(
        "FR121",
        "too many inside each other",
        "At most 50 segments may be defined by one another in a chain, and one `if` has at most 50 branches.",
        "event purchase\nsegment s0: has purchase\n"
        + "".join(f"segment s{n}: in segment s{n - 1}\n" for n in range(1, 51)),
        "event purchase\nsegment s0: has purchase\nsegment s1: in segment s0",
    ),
    Code(
        "FR122",
        "a tag that nothing gives",
        "Tags need no declaration, so a misspelt one looks like a new one. Nothing in the files gives this tag, so the"
        " question is always answered with no. This is a warning.",
        _CAMPAIGN + "        tag warm\nsegment warm_ones: tagged wram",
        _CAMPAIGN + "        tag warm\nsegment warm_ones: tagged warm",
    ),
    Code(
        "FR123",
        "a reaction asked for outside a campaign",
        "`email opened` is about the last message of one journey, so it stands in a campaign. In a segment ask for"
        " the event, which counts for all campaigns.",
        "segment readers: email opened",
        "segment readers: has email_opened in last 30 days",
    ),
    Code(
        "FR124",
        "a reaction to a message that is never sent",
        "A journey sees the reactions to its own messages alone. This campaign sends nothing that could be reacted to"
        " in this way.",
        _CAMPAIGN + "        send email welcome\n        if sms unopened after 2 days send email offer",
        _CAMPAIGN + "        send email welcome\n        if email unopened after 2 days send email offer",
    ),
    Code(
        "FR125",
        "a value that can not be handed to a message",
        "A message is handed values and properties of the event that started the journey, as `entry.PROPERTY`. What"
        " belongs to the customer the template reads itself, as `customer.ATTRIBUTE`.",
        _CAMPAIGN + "        send email welcome (greeting country)",
        _CAMPAIGN + "        send email welcome (greeting entry.plan)",
    ),
    Code(
        "FR126",
        "the file of a list is not there",
        "The path of a list counts from the folder of flowrules.toml and stays inside it. Lists are files of the"
        " workspace, so that a version of the rules always finds its lists.",
        'list staff from "staff.csv" by email',
        'list staff from "data/staff.csv" by email',
    ),
    Code(
        "FR127",
        "a list looked up by something else",
        "The file of a list names customers by id, email, phone, or the hash of one: email_sha256, phone_sha256.",
        'list staff from "data/staff.csv" by emial',
        'list staff from "data/staff.csv" by email',
    ),
    Code(
        "FR128",
        "an attribute that a campaign can not set",
        "id, email, phone, country, language and timezone come from your data. What campaigns remember is an attribute"
        " of your own.",
        _CAMPAIGN + '        set language to "it"',
        "attribute last_language: text\n" + _CAMPAIGN + '        set last_language to "it"',
    ),
)
