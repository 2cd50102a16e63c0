"""Calls to AWS: in threads, with deadlines and repeats on a clock that is handed in, and errors that are sentences."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, NoCredentialsError, ReadTimeoutError
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_exponential, wait_random

from wake_service.aws.errors import AwsError, AwsSilent, NoCredentials, from_code
from wake_service.clock import Clock
from wake_service.errors import ProviderTimeout

#: What botocore writes down at level DEBUG holds every argument of every call, and so the machines' keys.
logging.getLogger("botocore").setLevel(logging.INFO)

Answer: TypeAlias = dict[str, Any]
#: Runs a blocking call elsewhere and gives its value; tests run it at once.
Runner: TypeAlias = Callable[[Callable[[], Any]], Awaitable[Any]]

CONNECT_SECONDS = 5
READ_SECONDS = 20
#: Tries in all of a call that was throttled or met a failure of the cloud's own. With pauses of 0.5 to 8 s this is within a
#: minute, less than anybody watching a wake should be left without a word.
TRIES = 5
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0


async def in_thread(work: Callable[[], Any]) -> Any:
    """Runs a blocking call off the event loop."""
    return await asyncio.to_thread(work)


class Aws:
    """One account in one region.

    `endpoint` replaces Amazon's addresses (a stand-in); `run` says where blocking calls run. Credentials come from where AWS's
    own tools take them. boto3's clients may be used by several threads at once; its own repeats are off, because they sleep
    on the computer's clock.
    """

    def __init__(
        self,
        region: str,
        clock: Clock,
        *,
        endpoint: str | None = None,
        run: Runner = in_thread,
        session: botocore.session.Session | None = None,
    ) -> None:
        self.region = region
        self.clock = clock
        self._endpoint = endpoint
        self._run = run
        self._session: Any = boto3.Session(region_name=region, botocore_session=session)
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """boto3's client of a service, made once; for what `call` does not cover (streams, presigned links)."""
        if service not in self._clients:
            config = Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"total_max_attempts": 1},
                s3={"addressing_style": "path"} if self._endpoint else None,
                signature_version="s3v4"
                if service == "s3"
                else None,  # links of the older kind are refused for encrypted objects
            )
            self._clients[service] = self._session.client(service, endpoint_url=self._endpoint, config=config)
        return self._clients[service]

    async def call(self, service: str, operation: str, **arguments: Any) -> Answer:
        """One operation (`call("ec2", "start_instances", InstanceIds=[...])`), repeated when that may help.

        Every operation called so may be sent twice: starting and stopping by id is, and creating carries a client token.
        Raises AwsError (its kinds are in errors.py), ProviderTimeout or NoCredentials.
        """
        async for attempt in AsyncRetrying(
            retry=retry_if_exception(_passing),
            stop=stop_after_attempt(TRIES),
            wait=wait_exponential(FIRST_PAUSE, LONGEST_PAUSE) + wait_random(0, FIRST_PAUSE),
            sleep=self.clock.sleep,
            reraise=True,
        ):
            with attempt:
                return await self._once(service, operation, arguments)
        raise AssertionError("unreachable: the last attempt raises")

    async def call_once(self, service: str, operation: str, **arguments: Any) -> Answer:
        """As `call`, but sent once: for what would be there twice. An answer that is lost leaves open whether it was done."""
        return await self._once(service, operation, arguments)

    async def pages(self, service: str, operation: str, **arguments: Any) -> list[Answer]:
        """All pages of an operation that answers in pages (`NextToken`)."""
        found = [await self.call(service, operation, **arguments)]
        while token := found[-1].get("NextToken"):
            found.append(await self.call(service, operation, **arguments, NextToken=token))
        return found

    async def _once(self, service: str, operation: str, arguments: dict[str, Any]) -> Answer:
        try:
            answer: Answer = await self._run(lambda: getattr(self.client(service), operation)(**arguments))
            return answer
        except ClientError as error:
            said = error.response.get("Error", {})
            raise from_code(operation, str(said.get("Code", "")), str(said.get("Message", ""))) from error
        except (ConnectTimeoutError, ReadTimeoutError) as error:
            raise ProviderTimeout(f"AWS did not answer {operation} in time.") from error
        except NoCredentialsError as error:
            raise NoCredentials(
                "There are no AWS credentials here. Set AWS_PROFILE, or give the service's machine a role (docs/aws.md)."
            ) from error
        except BotoCoreError as error:
            raise AwsSilent(operation, str(error)) from error


def _passing(error: BaseException) -> bool:
    """Whether a call that failed like this may succeed in a moment."""
    return (isinstance(error, AwsError) and error.passing) or isinstance(error, ProviderTimeout)


def cloud_time(answer: Answer) -> float | None:
    """When AWS gave this answer, by its own clock (epoch seconds, whole ones); None when it did not say."""
    stamp = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    try:
        return parsedate_to_datetime(stamp).timestamp() if stamp else None
    except ValueError:
        return None
