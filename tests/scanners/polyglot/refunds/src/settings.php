<?php

declare(strict_types=1);

namespace Shop\Refunds;

final class Settings
{
    public readonly string $billingUrl;

    public function __construct()
    {
        $this->billingUrl = getenv('BILLING_URL') ?: 'http://billing:8080';
    }

    public static function required(string $name): string
    {
        $value = getenv($name);
        if ($value === false) {
            throw new \RuntimeException("$name is not set");
        }
        return $value;
    }

    /** Reads nothing: getenv('REFUNDS_IN_COMMENT') stands here for the reader. */
    public function limit(): int
    {
        return (int) ($_ENV['REFUNDS_LIMIT'] ?? 100);
    }

    public function debug(): bool
    {
        return ($_SERVER['APP_DEBUG'] ?? '0') === '1';
    }
}
