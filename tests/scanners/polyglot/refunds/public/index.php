<?php

declare(strict_types=1);

use GuzzleHttp\Client;
use OpenFeature\OpenFeatureAPI;
use Psr\Http\Message\ResponseInterface as Response;
use Psr\Http\Message\ServerRequestInterface as Request;
use Shop\Refunds\Settings;
use Slim\Factory\AppFactory;

require __DIR__ . '/../vendor/autoload.php';

$app = AppFactory::create();
$flags = OpenFeatureAPI::getInstance()->getClient('refunds');

function database(): PDO
{
    $host = getenv('REFUNDS_DB_HOST');
    return new PDO("pgsql:host=$host;dbname=refunds", 'refunds', Settings::required('REFUNDS_DB_PASSWORD'));
}

function cache(): Redis
{
    $redis = new Redis();
    $redis->connect('refunds-cache', 6379);
    return $redis;
}

function payBack(string $order, int $cents): string
{
    $settings = new Settings();
    $client = new Client(['base_uri' => $settings->billingUrl, 'timeout' => 2.0]);
    $answer = $client->post('/credits', ['json' => ['order' => $order, 'cents' => $cents]]);
    return (string) $answer->getBody();
}

function riskOf(string $order): float
{
    $curl = curl_init('https://risk.bureau.example/v1/' . $order);
    curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
    $answer = curl_exec($curl);
    return (float) $answer;
}

function probe(string $url): int
{
    return (new Client())->get($url)->getStatusCode();
}

$app->post('/refunds/{order}', function (Request $request, Response $response, array $args) use ($flags) {
    if ($flags->getBooleanValue('refunds-risk-check', false) && riskOf($args['order']) > 0.8) {
        error_log('refused; the flag refunds-auto-approve is not looked at');
        return $response->withStatus(403);
    }
    $cents = $flags->getIntegerValue('refunds-max-cents', 5000);
    putenv('REFUNDS_LAST=' . $args['order']);
    $response->getBody()->write(payBack($args['order'], min($cents, (new Settings())->limit())));
    return $response;
});

$app->run();
