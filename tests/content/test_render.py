"""Templates are written from a customer's values, in a sandbox, and whatever goes wrong is a value."""

from __future__ import annotations

import pytest

from flowrules.content.render import Rendered, TemplateFailure, Templates
from flowrules.content.values import Reading, Record
from flowrules.model.schema import Kind, Type
from flowrules.model.snapshot import Template

MADRID = Reading("EUR", "Europe/Madrid")


def template(text: str, kind: str = "txt", name: str = "hello", channel: str = "email") -> Template:
    return Template(channel, name, f"templates/{channel}/{name}.{kind}", text)


def customer(**values: object) -> Record:
    return Record("customer", {"name": "Ana", "first_name": None, **values})


def render(text: str, **values: object) -> Rendered | TemplateFailure:
    return Templates([template(text)]).render("email", "hello", [customer(**values)])


def body(text: str, **values: object) -> str | None:
    rendered = render(text, **values)
    assert isinstance(rendered, Rendered), rendered
    return rendered.text


def test_both_parts_and_the_subject() -> None:
    templates = Templates(
        [template("---\nsubject: Hi {{ customer.name }}\n---\nText\n"), template("<b>{{ customer.name }}</b>", "html")]
    )
    rendered = templates.render("email", "hello", [customer(name="<Ana>")])
    assert rendered == Rendered("Hi <Ana>", "Text\n", "<b>&lt;Ana&gt;</b>")


def test_a_subject_is_one_line_whatever_the_values_hold() -> None:
    rendered = render("---\nsubject: Hi {{ customer.name }}\n---\n", name="Ana\r\nBcc: all@example.com")
    assert isinstance(rendered, Rendered)
    assert rendered.subject == "Hi Ana Bcc: all@example.com"


@pytest.mark.parametrize(
    ("stored", "kind", "shown"),
    [
        (1250, Kind.MONEY, "12.50 EUR"),
        (2_500_000, Kind.NUMBER, "2.5"),
        (3, Kind.INTEGER, "3"),
        (1, Kind.BOOL, "true"),
        (20_514, Kind.DATE, "2026-03-02"),
        (1_772_442_000_000_000, Kind.DATETIME, "2026-03-02 10:00"),
        ("\x1fred\x1fblue\x1f", Kind.LIST, "red, blue"),
        ("x", Kind.TEXT, "x"),
        (172_800_000_000, Kind.DURATION, "2 days"),
    ],
)
def test_values_print_as_people_read_them(stored: int | str, kind: Kind, shown: str) -> None:
    assert body("{{ customer.value }}", value=MADRID.value(stored, Type(kind))) == shown


def test_values_still_compare_and_format() -> None:
    day = MADRID.value(20_514, Type(Kind.DATE))
    assert body("{{ customer.day.strftime('%d.%m.%Y') }}", day=day) == "02.03.2026"
    money = MADRID.value(1250, Type(Kind.MONEY))
    assert body("{% if customer.sum > 10 %}much{% endif %}", sum=money) == "much"
    assert body("{% if customer.no %}yes{% else %}no{% endif %}", no=MADRID.value(0, Type(Kind.BOOL))) == "no"


@pytest.mark.parametrize(
    "text",
    [
        "{{ customer.first_name | default('you') }}",
        "{{ customer.first_name or 'you' }}",
        "{% if customer.first_name %}{{ customer.first_name }}{% else %}you{% endif %}",
    ],
)
def test_a_missing_value_may_be_asked_for(text: str) -> None:
    assert body(text) == "you"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ customer.first_name }}", "customer.first_name has no value"),
        ("{{ customer.frist_name }}", "customer has no `frist_name`"),
        ("{{ order.id }}", "'order' is undefined"),
        ("{{ 'x' * 1000000000 }}", "`*` is for numbers only"),
        ("{{ 'x' * 10 ** 10 }}", "`**` is for numbers only"),
        ("{{ '%9999999999d' % 1 }}", "`%` is for numbers only"),
        ("{{ 2 ** 100000 }}", "`**` is for numbers only"),
        ("{{ 'a'" + " | replace('a', 'aaaaaaaaaa')" * 30 + " }}", "`replace` makes more than 1,000,000 characters"),
        ("{{ 'aa'" + " | list | join('aaaaaaaaaa')" * 30 + " }}", "`join` makes more than 1,000,000 characters"),
        ("{% set a = 'aaaaaaaaaa' %}" + "{% set a = a + a %}" * 40, "`+` makes more than 1,000,000 characters"),
        ("{{ 'x'.center(1000000000) }}", "is not safely callable"),
        ("{{ customer.name.__class__.__mro__ }}", "is unsafe"),
        ("{{ customer.name | pprint }}", "No filter named 'pprint'"),
        ("{% for a in customer.many %}{% for b in customer.many %}{{ customer.many }}{% endfor %}{% endfor %}", "more"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "can not be written"),
    ],
)
def test_failures_are_values(text: str, message: str) -> None:
    failure = render(text, many="x" * 500)
    assert isinstance(failure, TemplateFailure)
    assert message in failure.message


def test_what_is_short_may_be_put_together() -> None:
    assert body("{{ 'a' + customer.name }} {{ 'banana' | replace('an', 'o', 1) }} {{ [1, 2] | join(', ') }}") == (
        "aAna boana 1, 2"
    )
    assert body("{{ 7 * 6 }} {{ 7 % 4 }} {{ 'b,a' | replace(',', '-') }}") == "42 3 b-a"
    page = Templates([template("{{ ['<', '>'] | join('&') }} {{ '<' | replace('<', '>') }}", "html")])
    rendered = page.render("email", "hello", [])
    assert isinstance(rendered, Rendered)
    assert rendered.html == "&lt;&amp;&gt; &gt;"


@pytest.mark.parametrize(
    ("language", "text"),
    [("es-MX", "mx"), ("es_mx", "mx"), ("ES-AR", "es"), ("es", "es"), ("fr", "all"), ("", "all"), (None, "all")],
)
def test_a_customer_reads_their_language(language: str | None, text: str) -> None:
    templates = Templates(
        Template("email", "hello", f"templates/email/hello{part}.txt", text)
        for part, text in (("", "all"), (".es", "es"), (".es-MX", "mx"))
    )
    assert templates.render("email", "hello", [], language) == Rendered(None, text, None)


def test_a_language_is_read_whole() -> None:
    """No Spanish text beside an English page."""
    templates = Templates([template("Hi"), template("<b>Hi</b>", "html"), template("Hola", "es.txt")])
    assert templates.render("email", "hello", [], "es") == Rendered(None, "Hola", None)


def test_dates_and_money_in_the_way_of_a_country() -> None:
    day, money = MADRID.value(20_514, Type(Kind.DATE)), MADRID.value(123_450, Type(Kind.MONEY))
    assert body("{{ customer.day | date('%d.%m.%Y') }} {{ customer.day | date }}", day=day) == "02.03.2026 2026-03-02"
    assert body("{{ customer.sum | money }}", sum=money) == "1234.50 EUR"
    assert body("{{ customer.sum | money('€', ',', '.') }}", sum=money) == "1.234,50 €"
    assert body("{{ customer.sum | money('$', before=true) }}", sum=money) == "$1234.50"
    assert body("{{ 5 | money('€', ',') }}") == "5,00 €"
    yen = Reading("JPY", "UTC").value(1200, Type(Kind.MONEY))
    assert body("{{ customer.sum | money(thousands=' ') }}", sum=yen) == "1 200 JPY"
    for wrong in ("{{ 'x' | date }}", "{{ 'x' | money }}", "{{ customer.first_name | date }}"):
        assert isinstance(render(wrong), TemplateFailure)


def test_words_that_stand_alone() -> None:
    templates = Templates([template("{{ unsubscribe_url }} {{ postal_address | default('-') }}")])
    words = {"unsubscribe_url": "https://example.com/u/x", "postal_address": None}
    assert templates.render("email", "hello", [], None, words) == Rendered(None, "https://example.com/u/x -", None)


@pytest.mark.parametrize(
    ("link", "allowed"),
    [
        ("https://example.com", True),
        ("HTTP://example.com", True),
        ("mailto:ana@example.com", True),
        ("tel:+34600000001", True),
        ("#top", True),
        ("/path:x", True),
        ("javascript:alert(1)", False),
        ("java\nscript:alert(1)", False),
        (" javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("vbscript:x", False),
        ("file:///etc/passwd", False),
    ],
)
def test_links_lead_to_the_web_to_mail_and_to_phones(link: str, allowed: bool) -> None:  # noqa: FBT001
    for page in ('<a href="{{ customer.name }}">x</a>', "<IMG SRC='{{ customer.name }}'/>"):
        rendered = Templates([template(page, "html")]).render("email", "hello", [customer(name=link)])
        if allowed:
            assert isinstance(rendered, Rendered)
        else:
            assert isinstance(rendered, TemplateFailure)
            assert "a link leads to something other than" in rendered.message


def test_failures_have_a_place() -> None:
    failure = render("---\nsubject: x\n---\nfine\n{% if %}")
    assert isinstance(failure, TemplateFailure)
    assert failure.place == "templates/email/hello.txt:5"
    missing = Templates([]).render("email", "hello", [])
    assert missing == TemplateFailure("templates/email/hello", "there is no such template")


def test_the_customers_data_is_not_quoted_by_failures() -> None:
    failure = render("{{ customer.name | int + customer.name }}", name="secret")
    assert isinstance(failure, TemplateFailure)
    assert "secret" not in failure.message


def test_names_of_python_are_free_for_attributes() -> None:
    assert (
        body("{{ customer.items }}, {{ customer.values }}, {{ customer['keys'] }}", items=1, values=2, keys=3)
        == "1, 2, 3"
    )


def test_templates_include_each_other() -> None:
    footer = template("---\nsubject: unused\n---\nBye, {{ customer.name }}", name="footer")
    templates = Templates([template("Hi.\n{% include 'email/footer.txt' %}"), footer])
    rendered = templates.render("email", "hello", [customer()])
    assert isinstance(rendered, Rendered)
    assert rendered.text == "Hi.\nBye, Ana"
