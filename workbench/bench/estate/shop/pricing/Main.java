package pricing;

import javaruntime.Service;

/** Pricing: what things cost. */
public final class Main {

    private Main() {}

    public static void main(String[] words) throws Exception {
        new Service(new Quotes()).run();
    }
}
