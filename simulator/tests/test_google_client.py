"""The simulator, used by Google's own client library."""

import httplib2
import pytest
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError


@pytest.fixture
def service(sim):
    return build(
        "youtube",
        "v3",
        developerKey="good-key",
        http=httplib2.Http(timeout=5),
        client_options={"api_endpoint": sim.youtube_url},
    )


def test_it_works(service):
    request = service.search().list(part="snippet", q="python|c++", type="video", order="date", maxResults=50)
    answer = request.execute()
    assert len(answer["items"]) == 50
    following = service.search().list_next(request, answer).execute()
    assert following["prevPageToken"] == "CAAQAQ"
    ids = [item["id"]["videoId"] for item in answer["items"]]
    assert len(service.videos().list(part="snippet,contentDetails", id=ids).execute()["items"]) == 50


def test_it_raises_the_errors_of_google(service, sim):
    sim.projects["birds"].limits["search"] = 0
    with pytest.raises(HttpError) as raised:
        service.search().list(part="snippet", q="python").execute()
    assert raised.value.status_code == 429
    assert raised.value.error_details[0]["reason"] == "RATE_LIMIT_EXCEEDED"


def test_it_accepts_a_query_too_long_for_a_url(service):
    answer = service.search().list(part="snippet", q="日" * 500, type="video", maxResults=1).execute()
    assert answer["kind"] == "youtube#searchListResponse"
