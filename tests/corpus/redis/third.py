"""A third set of keyspaces, by somebody who had not seen the first two: layouts read from the
frameworks' sources, and caches whose names, types and missing TTLs ask for a mistake.

A name, then its lines as in `second`. Beside every unsafe one there is a cache with TTLs.
"""

from collections.abc import Sequence

from tests.corpus.redis import second
from tests.corpus.redis.keyspace import Keyspace

UNSAFE = """
sidekiq-idle-cron
    data set queues
    data hash cron_job:nightly_report
    data hash cron_job:cleanup
    data set cron_jobs
    data string stat:processed
    data string stat:failed
sidekiq-only-lists
    data list queue:default
    data list queue:mailers
sidekiq-unique-jobs-8
    data zset uniquejobs:digests
    data string uniquejobs:{x}
    data hash uniquejobs:{x}:LOCKED
    data list uniquejobs:{x}:QUEUED
    data string uniquejobs:{x}:INFO
sidekiq-scheduled-only
    data zset schedule
sidekiq-super-fetch
    data list queue:sq|host-{n}:1:{t}|default
    data zset private_queues
    data set super_processes
sidekiq-ns-dash
    data list myapp_production:queue:default
    data set myapp_production:queues
    data zset myapp_production:retry
    data string myapp_production:stat:processed
resque-scheduler-ns
    data set acme:resque:queues
    data list acme:resque:queue:images
    data list acme:resque:delayed:{n}
    data zset acme:resque:delayed_queue_schedule
    data hash acme:resque:schedules
    data list acme:resque:failed
resque-other-namespace
    data set jobs_prod:queues
    data list jobs_prod:queue:images
    data list jobs_prod:failed
    data set jobs_prod:workers
    data string jobs_prod:stat:processed
    data zset jobs_prod:delayed_queue_schedule
    data list jobs_prod:delayed:1790000000
    data string jobs_prod:worker:host:17:images
bullmq-default
    data hash bull:video:{n}
    data hash bull:video:meta
    data string bull:video:id
    data zset bull:video:completed
    data stream bull:video:events
    data zset bull:video:repeat
    data hash bull:video:repeat:{x}
bullmq-flows-custom-prefix
    data hash svc:flow:{u}
    data set svc:flow:{u}:dependencies
    data hash svc:flow:{u}:processed
    data zset svc:flow:waiting-children
    data hash svc:flow:meta
    data zset svc:flow:completed
    data stream svc:flow:events
bull-3-locks
    data list bull:mail:wait
    data string bull:mail:id
    data hash bull:mail:{n}
    data string bull:mail:{n}:lock 30
    data zset bull:mail:delayed
bee-queue-prefix
    data hash myq:resize:jobs
    data list myq:resize:waiting
    data set myq:resize:succeeded
    data string myq:resize:id
bee-queue
    data hash bq:resize:jobs
    data string bq:resize:id
kue
    data hash q:job:{n}
    data zset q:jobs
    data zset q:jobs:inactive
    data zset q:email:jobs
    data list q:email:jobs
    data set q:job:types
    data string q:ids
kue-zid
    data hash {q}:job:{n}
    data zset {q}:jobs:delayed
celery-idle
    data set _kombu.binding.celery
    data set _kombu.binding.celery.pidbox
    data set _kombu.binding.celeryev
celery-queue-names
    data list default
    data list high_priority
    data list emails
    data set _kombu.binding.default
celery-global-prefix
    data list prod_celery
    data hash prod_unacked
    data zset prod_unacked_index
    data set prod__kombu.binding.celery
    transient string prod_unacked_mutex 300
celery-busy-no-binding
    data list celery
    data hash unacked
    data zset unacked_index
redbeat
    data hash redbeat:report-{n}
    data zset redbeat::schedule
    data set redbeat::statics
    data string redbeat::lock 1500
redbeat-prefix
    data hash acme:redbeat:send-mails
    data zset acme:redbeat::schedule
rq
    data list rq:queue:default
    data set rq:queues
    data hash rq:job:{u}
    data zset rq:failed:default
    transient hash rq:worker:{x} 420
rq-scheduler
    data zset rq:scheduler:scheduled_jobs
    data hash rq:job:{u}
dramatiq-ns
    data list dramatiq:default
    data hash dramatiq:default.msgs
    data zset dramatiq:default.XQ
    data hash dramatiq:default.DQ.msgs
dramatiq-other-ns
    data list jobs:default
    data hash jobs:default.msgs
    data list jobs:default.DQ
    data hash jobs:default.DQ.msgs
    data zset jobs:default.XQ
    data set jobs:__acks__.{u}.default
    data zset jobs:__heartbeats__
arq
    data zset arq:queue
    data string arq:job:{x} 86400
    transient string arq:in-progress:{x} 300
    transient string arq:result:{x} 3600
arq-other-queue
    data zset arq:queue:reports
huey
    data list huey.redis.shop
    data zset huey.schedule.shop
    data hash huey.results.shop
huey-priority
    data zset huey.redis.shop
taskiq-list
    data list taskiq
taskiq-stream
    data stream taskiq
taskiq-schedule
    data string schedule:data:{x}
    data list schedule:cron
    data list schedule:time:2026-11-25T10:00
horizon
    data list shop_database_queues:default
    data zset shop_horizon:recent_jobs
    data hash shop_horizon:{u} 3600
    data hash shop_horizon:job:App\\Jobs\\Send
laravel-queue-no-prefix
    data list queues:default
    data zset queues:default:delayed
    data zset queues:default:reserved
laravel-cluster
    data list laravel_database_queues:{default}
    data zset laravel_database_queues:{default}:delayed
laravel-sessions
    data string laravel_database_laravel_cache_:{s} 7200
    cache string laravel_database_laravel_cache_:menu.{n} 3600
laravel-schedule-lock
    data string laravel_database_laravel_cache_framework/schedule-{h} 86400
laravel-cache-locks
    data string laravel_cache_:lock:import-{n} 120
symfony-messenger
    data stream messages
symfony-messenger-delayed
    data stream async
    data zset async__queue
symfony-tags
    tag set 2YzXwV4kQm:\x01tags\x01product-{n}
    cache string 2YzXwV4kQm:item{n} 3600
symfony-lock-store
    data string lock.invoice-{n}.{x} 300
    data string invoice-generation 300
symfony-lock-hash
    data zset invoice-lock:{n} 300
symfony-session
    data string sf_s{x} 1440
shopware-6
    tag set shopware:\x01tags\x01product-{x}
    cache string shopware:http-{x} 7200
magento-2
    tag set zc:ti:0c4_CONFIG
    tag set zc:tags
    cache hash zc:k:0c4_{x} 86400
magento-session
    data hash sess_{t}ab 86400
drupal-redis
    tag string drupal.redis.11.0.0..abc:cachetags:x-redis-bin:render
    tag string site:cachetags:node:{n}
    data string site:lock:cron 30
    data list site:drupal_queue_item:mailer
    cache hash site:render:{x} 86400
drupal-queue
    data hash drupal:queue:mailer
    data list drupal:queue:mailer:avail
    data list drupal:queue:mailer:claimed
redisson-lock-names
    data hash order-lock-{n} 30
    data hash lock:order:{n} 30
    data hash myLock 30
redisson-fair
    data hash orders 30
    data list redisson_lock_queue:{orders}
    data zset redisson_lock_timeout:{orders}
redisson-delayed
    data list orders
    data zset redisson_delay_queue_timeout:{orders}
    data list redisson_delay_queue:{orders}
redlock-py
    data string resource-lock:{n} 10
redlock-net
    data string redlock:import-{n} 30
node-redlock
    data string locks:account:{n} 10
redsync
    data string redsync:job-{n} 8
    data string my-global-mutex 8
redis-py-lock
    data string lock:reports 60
    data string report_lock 60
shedlock
    data string job-lock:default:sendMails 600
shedlock-env
    data string job-lock:production:nightly-{n} 600
spring-integration-lock
    data string lock-registry:order-{n} 60
leader-election
    data string scheduler:leader 15
mutex-words
    data string app:mutex:billing 60
medallion-lock
    data string DistributedLock:orders 30
with-advisory-ruby-suo
    data string semaphore:uploads
redis-semaphore-gem
    data list SEMAPHORE:uploads:AVAILABLE
    data hash SEMAPHORE:uploads:GRABBED
    data string SEMAPHORE:uploads:EXISTS
spring-session
    data hash spring:session:sessions:{u} 2100
spring-session-ns
    data hash shop:sessions:{u} 2100
    data string shop:sessions:expires:{u} 1800
    data set shop:expirations:1790000000000 2100
spring-data-repo
    data hash people:{u}
    data set people
    data set people:{u}:idx
    data set people:firstname:rand
django-sessions
    data string :1:django.contrib.sessions.cache{t} 1209600
    cache string :1:views.decorators.cache.cache_page..GET.{x}.{x}.en-us.UTC 600
channels
    data zset asgi:group:chat_{n} 86400
    data zset asgispecific.{t}! 60
channels-specific
    data zset asgi:specific.{x}! 60
flask-session
    data string session:{u} 2678400
connect-redis
    data string sess:{t} 86400
connect-redis-app
    data string myapp:sess:{t} 86400
connect-redis-own
    data string myapp-session:{t} 86400
koa-session
    data string koa:sess:{t} 86400
rails-session-private
    data string session:2::{x}{x} 604800
rails-session-store
    data string myapp:session:2::{x} 5400
gitlab-mix
    data string session:gitlab:2::{x}{x} 604800
    data set session:lookup:user:gitlab:{n}
    data string gitlab:exclusive_lease:project_housekeeping:{n} 3600
    data list resque:gitlab:queue:default
    transient string etag:/api/graphql:pipelines/id/{n} 1200
    cache string cache:gitlab:exists?:group/project-{n} 1209600
    cache set cache:gitlab:branch_names:group/project-{n}:{n} 1209600
mastodon
    data zset feed:home:{n}
    data zset feed:home:{n}:reblogs
    data list queue:default
    data zset retry
    cache string cache:statuses/{n} 3600
mastodon-feeds
    data zset feed:home:{n}
    data set feed:home:{n}:reblogs:{n}
    transient string followers_to_remove:1 60
    cache string cache:statuses/{n} 3600
discourse
    data zset default:__mb_backlog_n_/latest
    data string default:__mb_backlog_id_n_/latest
    data string __mb_global_id_n
    data zset __mb_global_backlog_n
    data string default:_scheduler_lock_default 60
    data hash default:_scheduler_Jobs::Heartbeat
    data zset default:_scheduler_queue_default
sentry
    data hash b:k:sentry.group:{x}
    data zset b:p
    data list events.save_event
    data set _kombu.binding.events.save_event
sentry-buffers
    data hash b:k:sentry.group:{x}
    data zset b:p
nextcloud-locks
    data string {x}/lockfiles/{x} 3600
    cache string {x}/imagePath/{n} 3600
php-session
    data string PHPREDIS_SESSION:{t} 1440
    data string PHPREDIS_SESSION:{t}_LOCK 30
codeigniter
    data string ci_session:{x} 7200
    data string ci_session:{x}:lock 300
codeigniter-4
    data string ci_session:127.0.0.1:{x} 7200
typo3
    tag set tagIdents:pageId_{n}
    tag set identTags:{x}
    cache string identData:{x} 86400
asynq
    data list asynq:{default}:pending
    data hash asynq:{default}:t:{u}
    data set asynq:queues
machinery
    data list machinery_tasks
    data zset delayed_tasks
    data string task_{u} 3600
machinery-v2-queue
    data list my_machinery_queue
    data zset delayed_tasks
gocraft-work
    data set app:known_jobs
    data list app:jobs:send_email
    data zset app:retry
    data zset app:dead
    data list app:jobs:send_email:{x}:inprogress
    data string app:jobs:send_email:lock
gocraft-hash-tag
    data set {app}:known_jobs
    data list {app}:jobs:send_email
    data zset {app}:scheduled
hangfire
    data hash hangfire:job:{u}
    data list hangfire:queue:default
    data zset hangfire:schedule
    data hash hangfire:recurring-job:a
hangfire-own-prefix
    data hash {shop}:job:{n}
    data list {shop}:queue:default
    data set {shop}:queues
    data zset {shop}:schedule
    data set {shop}:servers
stackexchange-lock
    data string lock:cart:{n} 30
streams-consumer
    data stream orders
    data stream payments.events
stream-partitions
    data stream topic:{orders}:{n}
action-cable-solid
    data stream socket.io
socketio-sessions
    data stream socket.io
    transient string sio:session:{t} 120
flipper
    data set flipper_features
    data hash search
    data hash new_checkout
rollout-gem
    data string feature:__features__
    data string feature:chat
counters
    data string page_views:{n}
id-sequence
    data string order:next_id
    data string global:uid:seq
quartz
    data hash quartz:job:g:{n}
    data hash quartz:trigger:g:{n}
    data zset quartz:triggers:waiting
jobrunr
    data hash jobrunr:job:{u}
    data zset jobrunr:scheduledJobs
yii-queue
    data hash queue.messages
    data list queue.waiting
    data zset queue.delayed
thinkphp
    data list {queues:default}
    data zset {queues:default}:delayed
delayed-list-plain
    data list email_queue
    data list jobs:pending
    data list task_queue
disque-work-queue
    data list jobqueue
    data list jobs
oban-like-webhooks
    data list webhooks:outbox
    data zset webhooks:retry
rsmq
    data hash rsmq:mail:Q
    data zset rsmq:mail
    data set rsmq:QUEUES
idempotency
    data string idempotency:{u} 86400
jwt-denylist
    data string jwt:blacklist:{u} 3600
    data string revoked_token:{x} 3600
refresh-tokens
    data string refresh_token:{u} 2592000
otp
    data string otp:+4912345{n} 300
    data string password_reset:{t} 3600
doorkeeper-oauth-state
    data string oauth:state:{t} 600
hyperloglog
    data string visitors:hll:2026-11-{n}
next-auth-upstash
    data string user:session:{u} 2592000
lucia-sessions
    data string session:{t} 2592000
    data set user_sessions:{n}
aspnet-dataprotection
    data list DataProtection-Keys
aspnet-session
    data hash {/app_{t}}_Data 1200
    data hash {/app_{t}}_Internal 1200
tomcat-redisson
    data hash redisson:tomcat_session:{x} 1800
shiro
    data string shiro:session:{u} 1800
sa-token
    data string satoken:login:session:{n} 2592000
    data string satoken:login:token:{u} 2592000
keystone-oslo
    data string express-session:{t} 86400
n8n
    data hash bull:jobs:{n}
    data list bull:jobs:wait
airflow-celery
    data list default
    data hash unacked
    data set _kombu.binding.default
    transient string celery-task-meta-{u} 86400
superset
    data list celery
    transient string celery-task-meta-{u} 86400
    cache string superset_results_{u} 86400
    cache string superset_{x} 86400
netbox
    data list rq:queue:high
    data hash rq:job:{u}
    cache string :1:cfg-{n} 300
paperless
    data list paperless_celery
    data hash paperless_unacked
cacheops
    tag set conj:shop_product:id={n}
    tag set schemes:shop_product
    cache string q:{x} 3600
connect-sid
    data string sid:{t} 86400
upper-session
    data string SESSION:{u} 1800
user-session-camel
    data string UserSession:{u} 1800
user-n-session
    data hash user:{n}:session 1800
session-dash
    data string session-{u} 1800
session-dot
    data string session.{u} 1800
session-user-n
    data hash session:user:{n} 1800
session-n
    data hash session:{n} 1800
app-session-n
    data hash app:session:{n} 1800
sessions-no-ttl
    data hash sessions:{u}
authelia
    data string authelia-session:{t} 3600
oauth2-proxy
    data string _oauth2_proxy-{x} 604800
starlette
    data string starsessions.{t} 3600
phpsess-ns
    data string shop:PHPREDIS_SESSION:{t} 1440
fastify
    data string fastify-session:{t} 3600
odoo
    data string session:{h} 604800
rails-5
    data string _session_id:2::{x}{x} 604800
access-token
    data string access_token:{u} 3600
token-user
    data string user:{n}:refresh_token 3600
token-blacklist
    data string blacklist:token:{u} 3600
csrf
    data string csrf:{t} 3600
remember
    data string remember_token:{t} 3600
login-attempt
    data string login:session:{t} 300
ql-idle
    data set ql:queues
    data hash ql:config
    data hash ql:j:{x}
    data zset ql:q:mail-depends
rpush
    data hash rpush:notifications:{n}
    data zset rpush:notifications:all
    data set rpush:notifications:pending
enqueue-php
    data list enqueue.app.default
    data zset enqueue.app.default:delayed
bernard
    data list bernard:queue:mail
    data set bernard:queues
quartz-bare
    data hash job:g:{n}
    data set jobs
    data zset waiting_triggers
    data hash trigger:g:{n}
    data set triggers
taskq
    data stream taskq:{mail}:stream
    data zset taskq:{mail}:zset
logstash
    data list logstash
filebeat
    data list filebeat
immich
    data hash immich_bull:thumb:meta
    data string immich_bull:thumb:id
    data hash immich_bull:thumb:{n}
    data stream immich_bull:thumb:events
immich-idle
    data hash immich_bull:thumb:meta
peertube
    data hash bull-tube.example:video-import:{n}
    data list bull-tube.example:video-import:wait
    data string bull-tube.example:video-import:id
misskey
    data hash mk.example:queue:deliver:deliver:meta
    data zset mk.example:queue:deliver:deliver:delayed
    data stream mk.example:queue:deliver:deliver:events
gitea
    data list issue_indexer_queue
    data set issue_indexer_queue_unique
plain-queue-1
    data list queue:emails
plain-queue-2
    data list emails:queue
plain-queue-3
    data list QUEUE_EMAIL
plain-queue-4
    data list notification.queue
plain-queue-5
    data list worker:jobs
plain-queue-6
    data list myapp.jobs
plain-queue-7
    data zset delay_queue
plain-queue-8
    data zset priority_queue:mail
plain-queue-9
    data list dead_letter:mail
plain-queue-10
    data list jobQueue
plain-queue-12
    data zset scheduled_jobs
plain-queue-14
    data list task:queue:high
plain-queue-15
    data list order-events-queue
plain-queue-16
    data list queue
plain-queue-17
    data set queue:unique-ids
plain-queue-19
    data hash queue:jobs:data
plain-queue-20
    data hash job:queue:payloads
celery-once
    data string qo_tasks.imports.run_user_id-{n} 3600
celery-singleton
    data string SINGLETONLOCK_{x} 3600
lock-1
    data string {order:17}:lock 30
lock-2
    data string order:{n}:locked 30
lock-3
    data string lock-order-{n} 30
lock-4
    data string LOCK:ORDER:{n} 30
lock-5
    data string orderLock:{n} 30
lock-6
    data string order_{n}_lock 30
lock-7
    data string mutex:{t} 30
lock-8
    data string semaphore:pool 30
lock-9
    data string RedisMutex:import 30
lock-10
    data string app.lock.import 30
lock-11
    data hash rlock:order:{n} 30
lock-12
    data string distributed_lock:import 30
lock-13
    data string distributed-lock/import 30
lock-14
    data string cron:lock:nightly 300
lock-15
    data string leader 15
lock-16
    data string scheduler:leader 15
lock-17
    data string leader_election:svc 15
lock-19
    data string dlock:orders 30
lock-20
    data string inventory:reservation-lock:{n} 600
lock-21
    data string lock:{u}
lock-22
    data string locked:{n} 30
lock-23
    data hash global:locks
lock-24
    data string redis-lock:{n} 20
lock-25
    data string lock_import_{n} 20
lock-26
    data string import.lock 20
lock-27
    data string __lock__:import 20
lock-29
    data string {lock}:orders 20
lock-30
    data string spring-lock:orders:{n} 20
nette
    tag set Nette.Journal:tags:{x}:keys
    cache string Nette.Storage:{x} 3600
fusion
    tag hash v2:__fc:t:product-{n}
    cache hash v2:product:{n} 600
neos
    tag set Flow_Mvc_Routing_Route:tag:X{n}
    cache string Flow_Mvc_Routing_Route:entry:{x} 3600
cashews
    tag set _tag:users
    cache string user:{n} 60
sym-pool-ns
    tag set prod_app:\x01tags\x01post.{n}
    cache string prod_app:x{n} 60
sw6-http
    tag set sw_http_cache_tag_product-{x}
    cache string sw_http_{x} 600
custom-tagset
    tag set tag:product:{n}
    cache string product:{n} 60
custom-tagset-2
    tag set tags:product-{n}
    cache string product:{n} 60
custom-tagset-3
    tag set cache:tags:product-{n}
    cache string cache:product:{n} 60
custom-tagset-4
    tag set cache:tag:product:{n}
    cache string cache:product:{n} 60
custom-tagset-5
    tag set cachetag:product:{n}
    cache string cache:product:{n} 60
stream-ns
    data stream app:events:orders
stream-hash
    data stream {orders}-stream
stream-ttl
    data stream notif:{n} 3600
laravel12
    data list laravel-database-queues:default
    data zset laravel-database-queues:default:reserved
laravel12-lock
    data string laravel-database-laravel-cache-lock:import-{n} 60
laravel12-session
    data string laravel-database-laravel-cache-{s} 7200
laravel12-unique
    data string laravel-database-laravel-cache-laravel_unique_job:App\\Jobs\\A:{n} 600
laravel12-overlap
    data string laravel_database_laravel_cache_laravel-queue-overlap:App\\Jobs\\A:{n} 600
laravel12-sched
    data string laravel-database-laravel-cache-framework/schedule-{h} 600
laravel-ratelimited-only-queue
    data zset acme_database_queues:mail:delayed
horizon-supervisors
    data hash acme_horizon:supervisor:web-{n}
    data zset acme_horizon:supervisors
asp-idem
    data string Idempotency-Key:{u} 86400
webhooks-dedup
    data string webhook:dedupe:evt_{n} 86400
processed-events
    data string processed:event:{u} 86400
seq-1
    data string invoice:sequence
counter-1
    data string counter:visits
counter-2
    data hash counters
gitlab-trace
    data string gitlab:ci:trace:{n}:chunks:0
    data list resque:gitlab:queue:x
gitlab-sidekiq-only
    data list queue:default
    data string gitlab-sidekiq-status:{t} 1800
mini-sched
    data zset default:_scheduler_queue_x
    data hash default:_scheduler_Jobs::X
discourse-only-mb
    data zset default:__mb_backlog_n_/latest
    data string default:__mb_backlog_id_n_/latest
arq-result
    data zset arq:queue
bullmq-braces
    data hash {bull}:mail:meta
    data string {bull}:mail:id
bullmq-hash-q
    data hash bull:{mail}:meta
    data hash bull:{mail}:{n}
bull-board-custom
    data hash jobs:mail:{n}
    data string jobs:mail:id
    data zset jobs:mail:failed
beeq
    data string bq:mail:id
    data hash bq:mail:jobs
    data list bq:mail:waiting
    data set bq:mail:stalling
celery-tags
    data list celery
    data set _kombu.binding.celery
celery-results
    data string celery-task-meta-{u} 86400
    data list celery
celery-chord
    data zset celery-taskset-meta-{u}.j 86400
    data list celery
celery-keyprefix-colon
    data list app:celery
    data set app:_kombu.binding.celery
    data hash app:unacked
rq-prefix-registry
    data zset rq:wip:default
    data zset rq:deferred:mail
    data hash rq:job:{u}
sidekiq-ent
    data hash lmtr-cfree-{t} 7776000
    data set limiters
    data list queue:default
sidekiq-ns-only-schedule
    data zset myapp:schedule
    data zset myapp:retry
    data zset myapp:dead
resque-mongo
    data list resque:queue:mail
activejob-uniqueness
    data string activejob_uniqueness:my_job:{x} 3600
    data list queue:default
good-job-like
    data list good_job:queue:mail
redisson-rlock-raw
    data hash order:{n} 30
    data string redisson_unlock_latch:{order:1}:{x} 30
redisson-scheduler
    data hash {sched:org.redisson.executor.RemoteExecutorService}:tasks
redisson-spring-session
    data hash redisson:spring_session:{u} 1800
hz-quartz
    data hash qrtz:job:{n}
"""

PURE = """
django
    cache string :1:views.decorators.cache.cache_header..{x}.en-us.UTC 600
    cache string :1:views.decorators.cache.cache_page..GET.{x}.{x}.en-us.UTC 600
    cache string :1:template.cache.sidebar.{x} 600
django-no-ttl
    cache string :1:product:{n}
rails-fragments
    cache string views/products/index:{x}/products/query-{x}-12-20261124 86400
    cache string shop:views/queues/show:{x}/queues/{n}-20261124
rails-russian
    cache string production:views/locks/{n}-20261124000000000000
rails-session-views
    cache string cache:views/sessions/new:{x}
wordpress-object
    cache string wp:options:alloptions
    cache string wp:posts:{n}
    cache string wp:terms:{n}
    cache string wp:post_meta:{n}
    cache string wp:userlogins:bob{n}
    cache string wp:transient:feed_{x} 43200
wordpress-hashes
    cache hash site:wp_cache_posts
    cache string wp_site-transient:update_plugins 43200
drupal-no-tags
    cache hash drupal:cache_page:http//shop/{n} 86400
laravel-cache
    cache string laravel_database_laravel_cache_:products.all 600
    cache string laravel_cache:user.{n}.permissions 600
    cache string laravel_database_laravel_cache_:spatie.permission.cache 86400
symfony-no-tags
    cache string iBTd0a3n9C:product_{n} 3600
    cache string A1b2C3d4E5:annotations.App.Entity.Lock 3600
doctrine
    cache string [App\\Entity\\Queue$CLASSMETADATA][1]
    cache string DoctrineNamespaceCacheKey[]
    cache string [app.entity.order__Lock][{n}] 3600
doctrine-2lc
    cache string my_entity_region_App.Entity.Session_{n}[1] 3600
typo3-no-tags
    cache string identData:{x} 86400
spring-cache
    cache string products::{n} 600
    cache string queues::{n} 600
    cache string sessionsById::{u} 600
    cache string locks::SimpleKey [] 600
spring-cache-lock-name
    cache string lockers::{n} 600
hibernate-redisson
    cache hash com.shop.Product
    cache hash com.shop.Order.items
    cache hash default-query-results-region
dogpile
    cache string shop.models:get_user|{n} 3600
    cache string {h} 3600
dogpile-with-lock
    cache string shop.models:get_user|{n} 3600
    transient string _lockshop.models:get_user|4 20
aiocache
    cache string main__get_queue(17, {n})
aiocache-ns
    cache string ns:handlers.sessions.list{n} 60
flask-caching
    cache string flask_cache_view//products/{n} 300
    cache string flask_cache_view//session/{n} 300
    cache string flask_cache_view//queue/stats 300
fastapi-cache
    cache string fastapi-cache:app.views:get_lock:{x} 60
nest-cache
    cache string /api/queues/{n} 60
keyv
    cache string keyv:session-config-{n} 60
apollo
    cache string fqc:{x}{x} 300
apollo-apq
    cache string apq:{x}{x} 86400
next-isr
    cache string nextjs:/blog/{n}
    cache hash build-{t}:/products/{n}
nginx-srcache
    cache string {x}
varnishlike-url
    cache string http://shop.example.com/queue:jump/{n} 600
fpc-magento-no
    cache hash page_cache:{x} 86400
hash-user
    cache hash user:{n}
hash-user-profile-locked
    cache hash user:locked-out-stats:{n} 600
hash-session-film
    cache hash cinema:session:{n}:seatmap 300
hash-queue-position
    cache hash ride:queue-times:{n} 60
set-related
    cache set related:products:{n} 3600
set-permissions
    cache set perms:user:{n} 900
set-followers
    cache set user:{n}:followers 3600
zset-trending
    cache zset trending:{n} 300
zset-search-results
    cache zset search:results:{x} 300
zset-leader-article
    cache zset articles:top:{n} 300
list-recent
    cache list recent:posts:{n} 300
list-timeline
    cache list timeline:{n} 600
list-latest-no-ttl
    cache list cache:latest:{n}
zset-cached-no-ttl
    cache zset cache:ranking:{n}
set-cached-no-ttl
    cache set cache:ids:category:{n}
hash-cached-no-ttl
    cache hash cache:product:{n}
stockqueue
    cache string product:{n}:queue-info 600
locksmith-shop
    cache string shop:locks-and-keys:{n} 600
lock-products
    cache string product:lock-{n} 3600
hotel-lockers
    cache string lockers:{n} 600
block
    cache string block:{n} 600
blocks-chain
    cache string eth:block:{n}
clock
    cache string clock:{n} 600
session-videos
    cache string conference:sessions:{n} 600
session-list-talks
    cache string talks/session/{n}.json 600
queue-video
    cache string video:queue:{n}:html 60
stream-catalogue
    cache string streams:catalog:{n} 600
streamer-profiles
    cache hash streamer:{n} 600
twitch-streams
    cache string twitch:stream:{n} 60
tags-pages
    cache string tag:page:{n} 600
tag-clouds
    cache string blog:tags:{n} 600
tag-list-set
    cache set article:{n}:tags 600
job-ads
    cache string job:{n} 3600
job-ads-hash
    cache hash jobs:{n} 3600
jobs-search
    cache string jobs:search:{x} 300
worker-profiles
    cache hash worker:{n} 3600
workers-list
    cache string workers:list:{n} 3600
failed-banks
    cache string failed:banks:{n} 3600
retry-policies
    cache string retry-policy:{n} 3600
schedule-tv
    cache string schedule:tv:{n} 600
schedule-hash
    cache hash schedule:{n} 600
schedule-cron-page
    cache string schedule:data:{n} 600
batch-beers
    cache hash batch:{n} 600
celery-recipes
    cache string recipe:celery:{n} 600
celery-food
    cache string celery 600
bull-breeds
    cache string bull:terrier:{n} 600
bull-market
    cache string market:bull:{n} 600
resque-typo
    cache string rescue:{n} 600
horizon-zero
    cache string game:horizon-zero-dawn:{n} 600
sidekick
    cache string sidekick:{n} 600
faktory-bricks
    cache hash factory:{n} 600
hash-tags-cluster
    cache string {user:17}:profile:{n} 600
hash-tags-object
    cache hash {product-9}:view:{n} 600
binary-keys
    cache string \x00\x01\x02bin{n}\xff 600
protobuf-java
    cache string \xac\xed\x00\x05t\x00\x10product{n} 600
msgpack
    cache string \xc4\x10key{n}
uuid-strings
    cache string {u} 600
uuid-hash-strings
    cache hash {u} 600
uuid-no-ttl
    cache string {u}
versioned
    cache string v3:catalog:{n}:v17 600
versioned-uuid
    cache string {u}:v2 600
sha1-keys
    cache string {h} 600
sha1-prefixed
    cache string assets:{h}
tokens24
    cache string {t} 600
tokens-prefixed
    cache string render:{t} 600
counted-pages
    cache string page:{n}:count 600
like-counts
    cache string post:{n}:likes_count 300
metadata
    cache hash file:{n}:meta 600
meta-and-events
    cache hash city:{n}:meta 600
    cache list city:{n}:events 600
    cache zset city:{n}:completed 600
active-and-paused
    cache list campaign:{n}:active 600
    cache list campaign:{n}:paused 600
queue-stats-named
    cache string stats:queue:length 30
    cache string stats:processed:daily 300
stat-processed-food
    cache string stat:processed-food:{n} 600
dns
    cache string dns:example{n}.com:A 300
geoip
    cache string geoip:10.0.0.{n} 86400
oembed
    cache string oembed:{x} 86400
etag-cache
    cache string etag:/products/{n} 1200
exchange-rates
    cache string rates:EUR:USD:2026-11-{n} 3600
price-hash
    cache hash prices 600
settings
    cache hash settings:tenant:{n} 600
i18n
    cache hash i18n:de:messages 3600
messages-translations
    cache string messages:de 3600
messages-cached
    cache list chat:{n}:last50 600
embedding
    cache string emb:{x} 604800
llm-cache
    cache hash llmcache:{x} 3600
langchain
    cache hash langchain:{x}
gptcache-semaphore-article
    cache string article:semaphore-signals-{n} 600
mutex-article
    cache string article:mutex:{n} 600
tickets
    cache string tickets:leader-board-page:{n} 60
leaderboard-page
    cache string leaderboard:page:{n} 60
github-gh-locks
    cache string github:repos:lock-threads:{n} 600
npm-lock
    cache string npm:package-lock.json:{x} 600
poetry
    cache string poetry.lock:{x}
session-config
    cache string session_config:{n} 600
sess-prefix
    cache string sessile-plants:{n} 600
processes
    cache string processes:{n} 600
queues-string
    cache string queues:overview 60
delayed-trains
    cache zset trains:delayed 60
delayed-flights
    cache list flights:delayed 60
waiting-times
    cache string hospital:waiting:{n} 60
items-lists
    cache list shop:{n}:items 600
requests-log
    cache list api:requests 60
unacked-mail
    cache string mail:unacked-count:{n} 60
tasks-string
    cache string task:{n} 600
tasks-hash
    cache hash task:{n} 600
tasks-no-ttl
    cache hash task:{n}
job-no-ttl
    cache hash job:{n}
order-no-ttl
    cache hash order:{n}
token-prices
    cache string token:{n} 60
crypto-token
    cache string crypto:token:price:{n} 60
auth-cache
    cache string auth:perm-cache:{n} 60
lettuce-tracking
    cache string user:{n}:token-balance 60
cart-page
    cache string page:/cart 60
checkout-queue-page
    cache string page:/queue/{n} 60
sess-page
    cache string page:/session/{n} 60
lua-flag
    cache string flags:country:{n} 86400
feature-images
    cache string feature:image:{n} 600
feature-set
    cache string features:product:{n} 600
online-shop
    cache string online:shop:{n} 600
seq-genomes
    cache string genome:seq:{n} 600
counter-strike
    cache string game:counter-strike:{n} 600
idx-pages
    cache string sp500:idx:{n} 60
index-set
    cache set idx:color:{n} 600
geo-shops-cached
    cache zset cache:geo:shops 600
one-big-hash
    cache hash catalog
dotnet-distributed
    cache hash shop:product-{n} 600
    cache hash InstanceNameproduct-{n} 600
fusioncache
    cache hash v2:product:{n} 600
easycaching
    cache string demo:product:{n} 600
ehcache-jcache
    cache hash jcache:products
jetcache
    cache string user.orderCache.{n} 600
mybatis
    cache hash com.shop.mapper.LockMapper
mybatis-queue
    cache hash com.shop.mapper.QueueMapper
caffeine-l2
    cache string l2:QueueService.find:{n} 600
go-cache
    cache string gorm:cache:users:{n} 600
rueidis
    cache string rueidisid:{u} 600
go-zero
    cache string cache:user:id:{n} 604800
sccache
    cache string sccache/a/b/c/{x}{x}
bazel
    cache string ac/{x}{x}
turbo
    cache string turbo:{x}
terraform
    cache string tfc:plan-lock-free:{n} 60
graphql-persist
    cache string persisted:{x}{x}
mediawiki
    cache string WANCache:wiki:page:{n}|#|v 86400
    cache string wiki:pcache:idhash:{n}-0!canonical 86400
joomla
    cache string {x}-cache-com_content-{x} 900
craft-cms
    cache string craft{x} 86400
phpbb
    cache string phpbb_acl_options 86400
moodle-muc
    cache hash mdl_a1b2c3_core_string
prestashop
    cache string ps_{x}
october
    cache string october_cache:cms.page.{n} 600
statamic
    cache string statamic_cache:stache::indexes::entries::{n}
woocommerce
    cache string wp:wc_session_id-less:{n} 600
searchkick
    cache string searchkick:{x} 60
identity-cache
    cache string IDC:8:blob:Order:{n}:{n}
second-level-cache
    cache string slc/orders/{n}/0
memoist
    cache string memo:Lock#status:{n} 60
garner
    cache string garner:{x}
jbuilder
    cache string jbuilder/queues/{n}-2026/{x}
http-cache-faraday
    cache string faraday:{h} 600
rack-cache
    cache string metastore:{h}
sprockets
    cache string sprockets/v4.0/{x}
elixir-nebulex
    cache string nebulex:Lock.{n} 600
argocd
    cache string app|managed-resources|shop-{n}|1.8.3 3600
    cache string mfst|app.kubernetes.io/instance|shop|{h}|x|1.8.3 86400
registry
    cache hash blobs::sha256:{x}{x}
    cache set repository::library/nginx::blobs
thumbor
    cache string thumbor-storage-{x} 86400
cachalot
    cache string :1:{h}
sym-tagaware-versions
    cache string poolns:\x01tags\x01product-{n}
    cache string poolns:product{n} 600
envoy-ratelimit
    cache string shop_remote_address_10.0.0.{n}_1790000000 60
nuxt
    cache string cache:nitro:functions:_:queue-{n}.json 60
directus
    cache string directus:{x} 300
hasura
    cache string hasura:qc:{x} 60
frappe
    cache string _5e5899d8398b5f7b|bootinfo
    cache hash _5e5899d8398b5f7b|doctype_meta
cart-html
    cache string html:cart:{n} 60
session-catalog
    cache string events:session-catalog:{n} 600
yoga-sessions-json
    cache string yoga/sessions/{n} 600
queue-html-frag
    cache string fragment:/ride/queue-{n} 60
hash-by-uuid
    cache hash product:{u} 3600
hash-tag-2
    cache hash {tenant:1}:product:{n} 3600
zset-price-index
    cache zset price:index:{n} 300
zset-no-ttl
    cache zset popular:products
zset-geo
    cache zset geo:stores
list-no-ttl
    cache list latest:articles
list-home
    cache list homepage:sections
set-no-ttl
    cache set category:{n}:product-ids
set-slug
    cache set slugs
hash-no-ttl
    cache hash country:names
hash-config
    cache hash config
hash-config-app
    cache hash app:config:{n}
hash-value
    cache string {x}:value 60
hash-tagged-value
    cache string {user:1}:value 60
set-tags-of-product
    cache set product:{n}:tags
set-hashtags
    cache set hashtags:trending 600
zset-tags
    cache zset tags:popular 600
zset-tag-cloud
    cache zset blog:tag:cloud 600
string-tags
    cache string tags:all 600
set-tag-articles-ttl
    cache set article-ids-by-tag:{n} 600
jobs-feed
    cache list jobs:feed:{n} 600
jobs-zset
    cache zset jobs:latest 600
work-portfolio
    cache list portfolio:work 600
tasks-zset-ttl
    cache zset tasks:today:{n} 600
pending-list
    cache list orders:pending 60
failed-list
    cache list payments:failed 60
active-users-set
    cache set users:active 60
active-users-zset
    cache zset users:active:{n} 60
wait-list
    cache list restaurant:wait 60
dead-poets
    cache zset poets:dead 60
dead-hash
    cache hash poets:dead:{n} 60
retry-zset-ttl
    cache zset campaigns:retry 60
schedule-zset
    cache zset station:{n}:schedule 600
schedule-list
    cache list station:{n}:schedule 600
processes-set-ttl
    cache set server:processes 60
queues-set-ttl
    cache set parks:queues 60
stalled-ttl
    cache set cars:stalled 60
rq-page
    cache string docs:rq:intro 600
arq-page
    cache string docs:arq:intro 600
asynq-page
    cache string docs/asynq/{n} 600
huey-lewis
    cache string artist:huey.lewis:{n} 600
bq-data
    cache string bigquery:bq:{x} 600
bull-hash
    cache hash animal:bull:{n} 600
kue-hash
    cache hash q:{n} 600
q-search
    cache string q:redis+queue 600
t-active
    cache string t:{n}:active 600
tenants
    cache string t:{n}:queue-size 60
exq-site
    cache string exquisite:{n} 60
horizon-string
    cache string sky:horizon:{n} 60
horizon-euro
    cache string horizon:europe:{n} 60
quartz-crystals
    cache string crystals:quartz:{n} 60
conductor-trains
    cache string train:conductor:{n} 60
tiger-animals
    cache hash zoo:tiger:{n} 60
taskiq-no
    cache string tasks/iq/{n} 60
access-control
    cache string access:roles:{n} 60
auth-user
    cache string auth:user:{n} 60
refresh-rate
    cache string refresh:rate:{n} 60
oidc-jwks
    cache string oidc:jwks:{n} 3600
oidc-discovery
    cache string auth:oidc-config 3600
jwks
    cache string jwks:https://idp 3600
token-info
    cache string tokeninfo:{x} 60
session-zone
    cache string sessionzone:{n} 60
lockfile-parse
    cache string! lockfile:parsed:{x} 3600
lock-screen
    cache string! theme:lock-screen:{n} 3600
lock-status-of-doors
    cache string! door:{n}:lock-status 60
deadlock-articles
    cache string! articles:deadlock:{n} 600
unlock-prices
    cache string unlock:price:{n} 60
block-lists
    cache set adblock:list:{n} 600
clock-hash
    cache hash clock:{n} 600
flock-birds
    cache string flock:{n} 60
mutexes-wiki
    cache string! wiki:Mutex:{n} 600
leader-page
    cache string company:leader:{n} 600
leaders
    cache string leaders:{n} 600
masters
    cache string tournament:master:{n} 60
singleton-dish
    cache string! dish:singleton:{n} 60
idempotent-docs
    cache string! docs:idempotent:{n} 60
dedup-stats
    cache string! stats:dedup:{n} 60
counter-top
    cache string kitchen:counter:{n} 60
sequence-dna
    cache string dna:sequence:{n} 60
quota-page
    cache string tenant:{n}:quota 60
balance-bikes
    cache string bikes:balance:{n} 60
feature-flags-cached
    cache string cache:feature-flags:{n} 60
feature-flags-ttl
    cache string feature_flags:tenant:{n} 30
flags-ttl
    cache hash flags:{n} 30
unleash-ttl
    cache string unleash:features 30
clicks-ttl
    cache string stats:clicks:{n} 60
otp-docs
    cache string! docs:otp:{n} 60
visits-museum
    cache string museum:visits:{n} 60
idx-hash
    cache hash stocks:idx:{n} 60
rails-view-locks
    cache string views/queues/index:{x}/queues/{n}
msgs-i18n
    cache hash i18n:de.msgs 600
password-policy
    cache string password-policy:{n} 60
code-list
    cache string postal-code:{n} 600
verification-page
    cache string page:verification:{n} 60
magic-cards
    cache hash magic:card:{n} 600
phantom-opera
    cache string opera:phantom:{n} 60
feed-rss
    cache list feed:rss:{n} 60
feed-home
    cache zset feed:home:{n} 600
spring-opsession
    cache string cinema::sessions-{n} 60
spring-simplekey
    cache string findQueue::SimpleKey [{n}] 60
spring-lockservice
    cache string LockService.findAll::{n} 60
binary-1
    cache string \x00\x01tagged\x00{n} 60
binary-2
    cache string \xac\xed\x00\x05t\x00\x04lock{n} 60
java-ser-session
    cache string \xac\xed\x00\x05t\x00\x0fproduct:session{n} 60
random-40
    cache string asset:{h} 60
random-52
    cache string {T} 60
token-24
    cache string {t}
sha-list
    cache list {h} 60
uuid-set
    cache set {u} 60
uuid-zset
    cache zset {u} 60
nginx-long-url
    cache string GEThttps://shop.example.com/account/session?id={n} 60
url-queue
    cache string GET|/api/v1/queue/{n} 60
url-lock
    cache string! /api/v1/lock/{n} 60
graphql-session
    cache string gql:query:sessions({x}) 60
k-v
    cache string kv:{n}
json-ld
    cache string jsonld:{u} 60
cdn
    cache string cdn:purge-free:{h} 60
"""


def unsafe(seed: int) -> Sequence[Keyspace]:
    """Those in which something is lost under an allkeys-* policy."""
    return [
        second.space(f"third-{name}", f"{lines}\n{second.PAGES}", seed)
        for name, lines in _blocks(UNSAFE)
    ]


def pure_caches(seed: int) -> Sequence[Keyspace]:
    """Those of which every key can be computed again."""
    return [second.space(f"third-cache-{name}", lines, seed) for name, lines in _blocks(PURE)]


def _blocks(text: str) -> Sequence[tuple[str, str]]:
    found: list[tuple[str, list[str]]] = []
    for line in text.strip().split("\n"):
        if line.startswith(" "):
            found[-1][1].append(line.strip(" "))
        else:
            found.append((line, []))
    return [(name, "\n".join(lines)) for name, lines in found]
