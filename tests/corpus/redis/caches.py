"""Pure caches: whatever is lost can be computed again. Some have names that look like more."""

import json
import random
from collections.abc import Callable, Sequence
from typing import TypeAlias

from tests.corpus.redis.keyspace import Entry, cache, distinct, hexes, token, uuid

Cache: TypeAlias = Callable[[random.Random, int], Sequence[Entry]]


def _html(rng: random.Random, size: int = 400) -> str:
    return f"<!doctype html><main>{token(rng, size)}</main>"


def _json(rng: random.Random) -> str:
    return json.dumps({"id": rng.randrange(10**6), "name": token(rng, 12), "tags": ["a", "b"]})


def strings(
    pattern: str, *, ttl: int | None = 3_600, body: Callable[[random.Random], str] = _json
) -> Cache:
    """Cached strings; in the name `{n}` is a number, `{x}` a hash, `{u}` a UUID."""

    def build(rng: random.Random, count: int) -> list[Entry]:
        def name(number: int) -> str:
            text = pattern.replace("{n}", str(number))
            return text.replace("{x}", hexes(rng)).replace("{u}", uuid(rng))

        return [
            cache.string(name(n), body(rng), ttl and rng.randint(ttl // 2, ttl))
            for n in range(count)
        ]

    return build


def hashes(pattern: str, *, ttl: int | None = 3_600) -> Cache:
    """Cached objects, one hash each."""

    def build(rng: random.Random, count: int) -> list[Entry]:
        return [
            cache.hash(
                pattern.replace("{n}", str(n)),
                {"name": token(rng, 12), "price": rng.randrange(10**4), "body": token(rng, 80)},
                ttl,
            )
            for n in range(count)
        ]

    return build


def pieces(*parts: Cache) -> Cache:
    """Several caches in one database."""
    return lambda rng, count: [entry for part in parts for entry in part(rng, count // len(parts))]


def _nginx(rng: random.Random, count: int) -> list[Entry]:
    paths = distinct(lambda: f"/p/{token(rng, 8)}", count)
    return [
        cache.string(f"nginx-cache:httpsGETshop.example{path}", _html(rng), 600) for path in paths
    ]


def _binary(rng: random.Random, count: int) -> list[Entry]:
    return [
        cache.string(b"\x80\xff" + rng.randbytes(12), rng.randbytes(200), 900) for _ in range(count)
    ]


def _feeds(rng: random.Random, count: int) -> list[Entry]:
    return [
        cache.list(f"feed:cached:{n}", [rng.randrange(10**6) for _ in range(20)], 900)
        for n in range(count)
    ]


def _trending(rng: random.Random, count: int) -> list[Entry]:
    return [
        cache.zset(f"trending:cached:{n}", {token(rng, 8): rng.random() for _ in range(20)}, 600)
        for n in range(count)
    ]


def _related(rng: random.Random, count: int) -> list[Entry]:
    return [
        cache.set(f"related-products:{n}", [rng.randrange(10**6) for _ in range(12)], 1_800)
        for n in range(count)
    ]


CACHES: dict[str, Cache] = {
    # frameworks' caches
    "django-cache": strings(":1:product-detail-{n}"),
    "django-template-fragments": strings(":1:template.cache.sidebar.{x}", body=_html),
    "django-page-cache": pieces(
        strings(":1:views.decorators.cache.cache_page..GET.{x}.{n}.en.UTC", body=_html),
        strings(":1:views.decorators.cache.cache_header..{x}.en.UTC"),
    ),
    "django-cached-db-sessions": strings(":1:django.contrib.sessions.cached_db{x}", ttl=1_209_600),
    "rails-fragments": strings("shop:views/products/{n}-20261124/{x}", body=_html),
    "rails-without-ttl": strings("views/products/index:{x}/{n}", ttl=None, body=_html),
    "spring-cache": strings("products::{n}"),
    "spring-cache-without-ttl": strings("exchangeRates::{n}", ttl=None),
    "spring-data-hashes": hashes("productView:{n}"),
    "laravel-cache": strings("shop_database_shop_cache_:product.{n}"),
    "symfony-cache-plain": strings("x7Jq2LmPzA:product_{n}"),
    "wordpress-object-cache": strings("wp_:posts:{n}", ttl=None),
    "wordpress-transients": strings("wp_:transient:feed_{x}", ttl=43_200),
    "drupal-render-cache": hashes("drupal.redis.10.3.1..:cache_render:block-{n}"),
    "aspnet-distributed-cache": hashes("Shop.Catalogue:{n}"),
    "flask-caching": strings("flask_cache_view//products/{n}"),
    "fastapi-cache": strings("fastapi-cache:shop.api:{x}"),
    "graphql-responses": strings("fqc:{x}", ttl=120),
    "apollo-persisted-queries": strings("apq:{x}", ttl=None),
    "nextjs-isr": strings("nextjs:build-9f2:/products/{n}", body=_html),
    "tileserver": strings("tiles/14/8{n}/5301.pbf", ttl=None),
    "hibernate-second-level": hashes("shop.entity.Product#{n}", ttl=None),
    "keyv": strings("keyv:product:{n}"),
    "nginx-srcache": _nginx,
    "binary-keys": _binary,
    # by accident they look like something else
    "cached-queue-stats": strings("queue-stats:{n}", ttl=30),
    "cached-queue-dashboard": strings("dashboard:queue:{n}:summary", ttl=60),
    "lock-screen-images": strings("lock-screen:image:{n}", body=_html),
    "padlock-products": strings("shop:product:padlock-{n}"),
    "stream-thumbnails": strings("stream:thumb:{n}", body=_html),
    "livestream-metadata": strings("streams:metadata:{u}"),
    "job-advertisements": strings("job:advert:{n}"),
    "job-search-results": strings("jobs:search:{x}", ttl=300),
    "celery-recipes": strings("recipe:celery-soup:{n}"),
    "bull-market-quotes": strings("quotes:bull-index:{n}", ttl=15),
    "resque-articles": strings("article:rescue-resque-{n}", body=_html),
    "session-timetables": strings("conference:session-timetable:{n}"),
    "tag-clouds": strings("blog:tagcloud:{n}", body=_html),
    "unread-counts-page": strings("page:inbox-workers-{n}", body=_html),
    "waiting-room-pages": strings("cdn:waiting-room:{n}", ttl=60, body=_html),
    "delayed-trains": strings("board:delayed-trains:{n}", ttl=30),
    "failed-search-pages": strings("html:search-failed:{x}", ttl=300, body=_html),
    "token-prices": strings("price:token:{n}", ttl=20),
    "leader-biographies": strings("bio:leader-{n}", ttl=None, body=_html),
    # other types than strings, all with a TTL
    "cached-feeds": pieces(strings("user:card:{n}"), _feeds),
    "cached-trending": pieces(strings("product:card:{n}"), _trending),
    "cached-related": pieces(hashes("product:h:{n}"), _related),
    # whole shops
    "mixed-django": pieces(
        strings(":1:product-{n}"),
        strings(":1:template.cache.footer.{x}"),
        strings(":1:rates{n}", ttl=60),
    ),
    "mixed-with-and-without-ttl": pieces(strings("catalogue:{n}"), strings("geo:ip:{n}", ttl=None)),
    "many-pages": strings("page:/p/{n}"),
}

SIZES = {"many-pages": 20_000}
