"""Shows the most clicked links the other way round."""

from checks.broken.spoil import run
from shortener.lab1_file.links import LinkStore
from shortener.lab3_cache_and_events import top_links
from shortener.lab3_cache_and_events.cache import CacheCalls

most_clicked = top_links.top_links


async def fewest_first(cache: CacheCalls, store: LinkStore, limit: int) -> list[top_links.TopLink]:
    return (await most_clicked(cache, store, limit))[::-1]


top_links.top_links = fewest_first
run()
